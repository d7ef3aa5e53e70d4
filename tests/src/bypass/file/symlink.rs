//! Symbolic links out of W.

use guard_common::Operation;

use super::{Cases, Trick, on_pd};

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let open = |id, sentence, attack| on_pd(id, sentence, Operation::Open, attack, "write {w}/f");
    [
        open("F15", "a_symbolic_link_opens_nothing_new", "write {w}/to-p"),
        open("F15b", "a_link_to_the_folder_opens_nothing_new", "write {w}/to-pd/p"),
        open("F15c", "a_link_to_the_folder_and_dots_open_nothing_new", "write {w}/to-pd/../pd/p"),
    ]
    .into()
}
