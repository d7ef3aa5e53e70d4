//! A program on a file system that the agent mounted for itself, as it may: nothing on it is known to the policy.

use guard_common::{Operation, Reason, Surface};
use nix::mount::{MsFlags, mount};

use super::{Cases, EXEC, Refusal, Spot, Trick, Who, marked_at};
use crate::act::process::leave_mounts;
use crate::act::{perform, way_alone};
use crate::bypass::in_namespaces;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    // `on-own-tmpfs FOLDER WAY…`
    ways: &[way_alone("on-own-tmpfs", |a, out| {
        leave_mounts()?;
        mount(Some("own"), a.path(0)?, Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
        perform(a.rest(1), out)
    })],
    python: None,
    cases,
};

fn cases() -> Cases {
    let one = |place, id, sentence, refusal: Refusal, attack: &str, allowed: &str| {
        let refusal = Refusal { reason: Reason::UnresolvedObject, ..refusal };
        in_namespaces(marked_at([(place, Who::Root)], id, sentence, refusal, attack, allowed))
    };
    [
        // It comes no further than being made.
        one(
            Spot::Tmpfs,
            "E62",
            "a_copy_on_a_file_system_of_ones_own_cannot_be_run",
            Refusal::no_edge(Surface::Write, Operation::Mknod),
            "on-own-tmpfs {w}/d exec-copy {x} {w}/d/busybox touch {mark}",
            "on-own-tmpfs {w}/d exec /usr/bin/busybox touch {mark}",
        ),
        // What an overlay shows was there before.
        one(
            Spot::Ext4,
            "E62b",
            "a_program_that_an_overlay_of_ones_own_shows_cannot_be_run",
            EXEC,
            "through-overlay-of {top} {w}/d exec {w}/d/m/xd/busybox touch {mark}",
            "through-overlay-of {top} {w}/d exec /usr/bin/busybox touch {mark}",
        ),
    ]
    .into()
}
