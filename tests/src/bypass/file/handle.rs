//! A file opened by its handle: no name is looked up.

use guard_common::Operation;

use super::{Spot, Trick, Who, on_pd_at};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: Some(include_str!("handle.py")),
    cases: || {
        // A handle of a tmpfs or overlay may be disconnected or missing: ext4 stands for all.
        on_pd_at(
            [(Spot::Ext4, Who::Root)],
            "F14",
            "a_file_handle_opens_nothing_new",
            Operation::Open,
            "!file.handle.write {pd}/p",
            "!file.handle.write {w}/f",
        )
    },
};
