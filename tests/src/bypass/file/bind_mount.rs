//! A second name by a bind mount: the agent's own, or one that was made outside.

use std::fs;

use anyhow::Result;
use guard_common::{Operation, Surface};
use nix::mount::{MsFlags, mount};

use super::{Cases, Effect, PLACES, Refusal, Spot, Trick, Who, at, in_namespaces, on_pd};
use crate::act::process::leave_mounts;
use crate::act::{Args, perform, way_alone};
use crate::harness::case::Undo;
use crate::harness::fixture::{self, SECRET, TOP, WHOLE};
use crate::harness::shell::sh;

const OPEN: Refusal = Refusal::no_edge(Surface::Write, Operation::Open);
const READ: Refusal = Refusal::no_edge(Surface::Read, Operation::Open);
/// A file system that is mounted after the policy was loaded.
const LATE: &str = "/guardtest/late";

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[way_alone("through-bind", through_bind)], python: None, cases };

/// `through-bind SOURCE TARGET WAY…`: a second name for a folder, by a mount nobody else sees.
fn through_bind(args: &Args, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    leave_mounts()?;
    mount(Some(args.path(0)?), args.path(1)?, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    perform(args.rest(2), out)
}

fn cases() -> Cases {
    let open = |id, sentence, attack, allowed| on_pd(id, sentence, Operation::Open, attack, allowed);
    let late = |id, sentence, attack, allowed| {
        let (late, in_w) = (&Effect::changed(LATE), &Effect::changed("{w}"));
        at([(Spot::Tmpfs, Who::User)], id, sentence, OPEN, (attack, late), (allowed, in_w))
            .prepared(|_| mounted_late(LATE))
            .allowed_prepared(|spot| mounted_late(&spot.w("late")))
    };
    [
        in_namespaces(open(
            "F36",
            "a_bind_mount_of_ones_own_opens_nothing_new",
            "through-bind {pd} {w}/d write {w}/d/p",
            // What may be written may be, wherever it is seen.
            "through-bind {w} {pd}/d write {pd}/d/f",
        )),
        open("F34", "a_bind_mount_made_before_opens_nothing_new", "write {w}/d/p", "write {w}/f")
            .prepared(|spot| bound(&spot.at("pd"), &spot.w("d"))),
        open("F34b", "a_bind_mount_over_the_work_folder_opens_nothing_new", "write {w}/p", "write {w}/f")
            .prepared(|spot| bound(&spot.at("pd"), &spot.at("w"))),
        at(
            PLACES,
            "F34c",
            "a_secret_under_a_bind_mount_stays_secret",
            READ,
            ("read {w}/f", &Effect::Told(SECRET)),
            ("read {w}/f", &Effect::Done),
        )
        .prepared(|spot| bound(&spot.s(), &spot.w("f"))),
        late(
            "F34d",
            "a_file_system_mounted_later_is_not_the_agents",
            &format!("write {LATE}/p"),
            "write {w}/late/p",
        ),
        in_namespaces(late(
            "F36b",
            "a_file_system_mounted_later_is_not_the_agents_by_a_mount_of_its_own",
            &format!("through-bind {LATE} {{w}}/d write {{w}}/d/p"),
            "through-bind {w}/late {w}/d write {w}/d/p",
        )),
    ]
    .into()
}

/// Something mounted from outside while a case runs.
struct Mounted(String);

fn bound(source: &str, target: &str) -> Result<Undo> {
    sh(&format!("mount --bind {source} {target}"))?;
    Ok(Box::new(Mounted(target.to_owned())))
}

fn mounted_late(point: &str) -> Result<Undo> {
    debug_assert!(point.starts_with(TOP));
    fs::create_dir_all(point)?;
    sh(&format!("mount -t tmpfs tmpfs {point}"))?;
    let mounted = Mounted(point.to_owned());
    fixture::give(point.as_ref(), 0o777)?;
    fixture::put(format!("{point}/p").as_ref(), WHOLE)?;
    Ok(Box::new(mounted))
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = sh(&format!("umount {}", self.0));
    }
}
