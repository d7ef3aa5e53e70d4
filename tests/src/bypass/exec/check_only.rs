//! Asking whether a program could be run, without running it: the answer is the same as to the deed.

use super::{BOTH, EXEC, Effect, Trick};
use crate::bypass::at;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: Some(include_str!("check_only.py")),
    cases: || {
        at(
            BOTH,
            "E26",
            "a_question_about_a_program_is_answered_like_the_deed",
            EXEC,
            ("!exec.check_only.ask {x}", &Effect::Done),
            ("!exec.check_only.ask /usr/bin/busybox", &Effect::Done),
        )
        .since(6, 14, "AT_EXECVE_CHECK")
    },
};
