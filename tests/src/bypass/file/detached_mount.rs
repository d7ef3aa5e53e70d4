//! A mount of the agent's own that stands nowhere: a tree taken by descriptor, and written through.

use guard_common::Operation;

use super::{Trick, in_namespaces, on_p};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: Some(include_str!("detached_mount.py")),
    cases: || {
        let sentence = "a_mount_that_stands_nowhere_opens_nothing_new";
        in_namespaces(on_p("F36c", sentence, Operation::Open, "!file.detached_mount.write"))
    },
};
