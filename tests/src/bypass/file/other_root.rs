//! `chroot`: names begin at another folder.

use guard_common::Operation;
use nix::unistd::chroot;

use super::{Spot, Trick, Who, on_pd_at};
use crate::act::{perform, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("in-chroot", |a, out| {
        chroot(a.path(0)?)?;
        std::env::set_current_dir("/")?;
        perform(a.rest(1), out)
    })],
    python: None,
    cases: || {
        on_pd_at(
            [(Spot::Tmpfs, Who::Root), (Spot::Ext4, Who::Root)],
            "F60",
            "another_root_opens_nothing_new",
            Operation::Open,
            "in-chroot {top} write /pd/p",
            "in-chroot {top} write /w/f",
        )
    },
};
