//! Arguments that somebody else changes while the program is started: what is judged is what it gets, and not what stood
//! there when the call was made.

use super::arguments::RULE;
use super::{BOTH, Cases, Trick, marked_at};
use crate::harness::fixture::RULED;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("sealed.py")), cases };

fn cases() -> Cases {
    // The mark is left by whoever was shown one word and got the other: the race can be won, or the control fails.
    let line = |shown: &str, meant: &str| format!("!exec.sealed.rewritten {RULED} {{mark}} {shown} {meant}");
    // The forbidden one dies in a child.
    marked_at(
        BOTH,
        "E19",
        "arguments_are_judged_as_the_program_gets_them",
        RULE,
        &line("pull", "push"),
        &line("push", "pull"),
    )
    .ends_with(0)
}
