//! A copy on a file system that the agent mounted for itself.

use guard_common::{Operation, Reason, Surface};
use nix::mount::{MsFlags, mount};

use super::{Cases, PLAIN, Refusal, Spot, Trick, Who, marked_at};
use crate::act::process::leave_mounts;
use crate::act::{perform, way_alone};

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
    let refusal =
        Refusal { reason: Reason::UnresolvedObject, ..Refusal::no_edge(Surface::Write, Operation::Mknod) };
    let attack = "on-own-tmpfs {w}/d exec-copy {x} {w}/d/busybox touch {mark}";
    let sentence = "a_copy_on_a_file_system_of_ones_own_cannot_be_run";
    marked_at([(Spot::Tmpfs, Who::Root)], "E62", sentence, refusal, attack, PLAIN)
}
