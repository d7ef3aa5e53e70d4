//! Moving oneself to another cgroup.

use guard_common::Operation;
use nix::unistd::getpid;

use super::{Spot, Trick, Who, on_pd_at};
use crate::act::{perform, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("after-leaving", |a, out| {
        std::fs::write(a.path(0)?, getpid().to_string())?;
        perform(a.rest(1), out)
    })],
    python: None,
    cases: || {
        on_pd_at(
            [(Spot::Tmpfs, Who::Root)],
            "C04",
            "the_cgroup_cannot_be_left",
            Operation::Open,
            "after-leaving /sys/fs/cgroup/cgroup.procs write {pd}/p",
            "write {w}/f",
        )
    },
};
