//! Setting a file's length by its name.

use guard_common::Operation;

use super::{Trick, on_p};
use crate::act::way;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way("truncate", |a, _| Ok(nix::unistd::truncate(a.path(0)?, 1)?))],
    python: None,
    cases: || on_p("F04", "a_file_cannot_be_truncated_by_name", Operation::Truncate, "truncate"),
};
