//! Mounting over what is there, taking away what was mounted over it, in the namespace that everybody is in.

use std::fs;

use anyhow::Result;
use guard_common::{Operation, Surface};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::act::{Args, way};
use crate::harness::case::Undo;
use crate::harness::shell::sh;

const MOUNT: Refusal = Refusal::no_edge(Surface::Admin, Operation::Mount);
const CAPABILITY: Refusal = Refusal::no_edge(Surface::Admin, Operation::Capability);
const MOUNTS: Effect = Effect::Says("/proc/self/mountinfo");

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("mount-bind", |a, _| mounted(a, MsFlags::MS_BIND)),
        way("mount-move", |a, _| mounted(a, MsFlags::MS_MOVE)),
        way("mount-tmpfs", |a, _| {
            Ok(mount(Some("own"), a.path(0)?, Some("tmpfs"), MsFlags::empty(), None::<&str>)?)
        }),
        way("mount-again-writable", |a, _| {
            let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
            Ok(mount(None::<&str>, a.path(0)?, None::<&str>, flags, None::<&str>)?)
        }),
        way("mount-shared", |a, _| {
            Ok(mount(None::<&str>, a.path(0)?, None::<&str>, MsFlags::MS_UNBINDABLE, None::<&str>)?)
        }),
        way("unmount", |a, _| Ok(umount2(a.path(0)?, MntFlags::MNT_DETACH)?)),
    ],
    python: Some(include_str!("mount_over.py")),
    cases,
};

fn mounted(args: &Args, flags: MsFlags) -> std::io::Result<()> {
    Ok(mount(Some(args.path(0)?), args.path(1)?, None::<&str>, flags, None::<&str>)?)
}

fn cases() -> Cases {
    let (pd, w) = (&Effect::changed("{pd}"), &Effect::changed("{w}"));
    let places = [(Spot::Tmpfs, Who::Root), (Spot::Ext4, Who::Root)];
    let one = |id, sentence, refusal, attack: &str, effect| {
        let cases = at(places, id, sentence, refusal, (attack, effect), ("write {w}/f", w)).prepared(mounts);
        // The kernel asks for the capability first where its call is of the newer kind.
        if refusal == CAPABILITY { cases.ends_with(nix::libc::EPERM) } else { cases }
    };
    [
        one("F34e", "nothing_is_bound_over_a_folder", MOUNT, "mount-bind {w} {pd}", pd),
        one("F34f", "no_mount_is_moved_over_a_folder", MOUNT, "mount-move {w}/d {pd}", pd),
        one("F34g", "nothing_is_mounted_over_a_folder", MOUNT, "mount-tmpfs {pd}", pd),
        one("F34h", "what_covers_a_folder_is_not_taken_away", CAPABILITY, "unmount {pd}/d", &MOUNTS),
        one("F34i", "a_mount_does_not_become_writable", MOUNT, "mount-again-writable {pd}/d", &MOUNTS),
        one("F34j", "how_mounts_spread_is_not_changed", MOUNT, "mount-shared {pd}/d", &MOUNTS),
        one(
            "F34k",
            "a_mount_by_descriptor_covers_nothing",
            CAPABILITY,
            "!file.mount_over.by_descriptor {w} {pd}",
            pd,
        ),
        one(
            "F34l",
            "a_new_file_system_by_descriptor_covers_nothing",
            CAPABILITY,
            "!file.mount_over.new_file_system {pd}",
            pd,
        ),
        one(
            "F34m",
            "a_mounts_attributes_are_not_changed",
            CAPABILITY,
            "!file.mount_over.attributes {pd}/d",
            &MOUNTS,
        ),
    ]
    .into()
}

/// What the attacks find: something else mounted in W, something mounted read-only over a folder of PD.
struct Mounts(Spot);

fn mounts(spot: Spot) -> Result<Undo> {
    let mounts = Mounts(spot);
    sh(&format!("mount -t tmpfs other {}", spot.w("d")))?;
    // A mount below one that is shared cannot be moved.
    sh(&format!("mount --make-private {}", spot.w("d")))?;
    fs::write(spot.w("d/other"), "")?;
    sh(&format!("mount -t tmpfs -o ro cover {}", spot.pd("d")))?;
    Ok(Box::new(mounts))
}

impl Drop for Mounts {
    fn drop(&mut self) {
        // First what an attack put over the folder, as often as it did.
        for path in [self.0.at("pd"), self.0.pd("d"), self.0.w("d")] {
            while is_mount(&path) && umount2(path.as_str(), MntFlags::MNT_DETACH).is_ok() {}
        }
    }
}

fn is_mount(path: &str) -> bool {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    text.lines().any(|line| line.split(' ').nth(4) == Some(path))
}
