//! Arguments that another thread changes while the program is started: what is judged is what it gets.

use super::arguments::RULE;
use super::{BOTH, Cases, Trick, marked_at};
use crate::harness::fixture::RULED;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("sealed.py")), cases };

fn cases() -> Cases {
    let line = |word: &str| format!("!exec.sealed.rewritten {RULED} {{mark}} {word}");
    // The forbidden one dies in a child.
    marked_at(
        BOTH,
        "E19",
        "arguments_are_judged_as_the_program_gets_them",
        RULE,
        &line("push"),
        &line("pull"),
    )
    .ends_with(0)
}
