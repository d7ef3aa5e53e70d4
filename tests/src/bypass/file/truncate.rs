//! Setting a file's length: by its name, and on a descriptor that was open before.

use guard_common::Operation;

use super::{Cases, Trick, on_held, on_p};
use crate::act::way;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way("truncate", |a, _| Ok(nix::unistd::truncate(a.path(0)?, 1)?))],
    python: Some(include_str!("truncate.py")),
    cases,
};

fn cases() -> Cases {
    let truncate = Operation::Truncate;
    [
        on_p("F04", "a_file_cannot_be_truncated_by_name", truncate, "truncate"),
        on_held("F05", "a_descriptor_from_before_does_not_truncate", truncate, "truncate.by_descriptor"),
        on_held("F05b", "a_ring_does_not_truncate", truncate, "truncate.by_ring").since(
            6,
            9,
            "FTRUNCATE of a ring",
        ),
    ]
    .into()
}
