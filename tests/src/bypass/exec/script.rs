//! Scripts: the file and each interpreter that it names are judged, however deep.

use super::{BOTH, Cases, EXEC, PLAIN, Trick, marked, marked_at};
use crate::harness::fixture::{SCRIPT_BY_X, SCRIPT_NESTED_BY_X, SCRIPT_NESTED_PLAIN, SCRIPT_PLAIN};

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let by = |id, sentence, attack: &str, allowed: &str| {
        let line = |script: &str| format!("exec {script} {{mark}}");
        marked_at(BOTH, id, sentence, EXEC, &line(attack), &line(allowed))
    };
    [
        by("E13", "an_interpreter_is_judged_too", SCRIPT_BY_X, SCRIPT_PLAIN),
        marked("E13b", "a_script_in_the_work_folder_cannot_be_run", EXEC, "exec {w}/script {mark}", PLAIN),
        by("E13c", "the_interpreters_interpreter_is_judged_too", SCRIPT_NESTED_BY_X, SCRIPT_NESTED_PLAIN),
    ]
    .into()
}
