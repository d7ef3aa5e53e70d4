//! A copy on a file system that the agent mounted for itself.

use nix::mount::{MsFlags, mount};

use super::{Cases, EXEC, PLAIN, Spot, Trick, Who, marked_at};
use crate::act::process::leave_mounts;
use crate::act::{perform, way_alone};
use crate::bypass::needs_namespaces;

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
    let attack = "on-own-tmpfs {w}/d exec-copy {x} {w}/d/busybox touch {mark}";
    let sentence = "a_copy_on_a_file_system_of_ones_own_cannot_be_run";
    needs_namespaces(marked_at([(Spot::Tmpfs, Who::Root)], "E62", sentence, EXEC, attack, PLAIN))
}
