//! The same file by other words: dots, `/proc`, relative to a folder.

use guard_common::Operation;

use super::{Cases, Trick, on_pd};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("other_path.py")), cases };

fn cases() -> Cases {
    let open = |id, sentence, attack, allowed| on_pd(id, sentence, Operation::Open, attack, allowed);
    [
        open("F15d", "dots_open_nothing_new", "write {w}/../pd/./d/../p", "write {w}/d/../f"),
        open(
            "F15e",
            "proc_root_opens_nothing_new",
            "write /proc/self/root/{pd}/p",
            "write /proc/self/root/{w}/f",
        ),
        open(
            "F15f",
            "proc_cwd_opens_nothing_new",
            "in-folder {pd} write /proc/self/cwd/p",
            "in-folder {w} write /proc/self/cwd/f",
        ),
        open(
            "F15g",
            "a_relative_path_opens_nothing_new",
            "!file.other_path.from_within {pd}/p",
            "!file.other_path.from_within {w}/f",
        ),
        open(
            "F15h",
            "a_descriptor_relative_path_opens_nothing_new",
            "!file.other_path.from_descriptor {pd}/p",
            "!file.other_path.from_descriptor {w}/f",
        ),
    ]
    .into()
}
