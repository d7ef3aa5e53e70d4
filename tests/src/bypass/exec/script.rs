//! Scripts: the file and each interpreter that it names are judged.

use super::{Cases, EXEC, PLAIN, Spot, Trick, Who, marked, marked_at};
use crate::harness::fixture::{SCRIPT_BY_X, SCRIPT_PLAIN};

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let (attack, allowed) = (format!("exec {SCRIPT_BY_X} {{mark}}"), format!("exec {SCRIPT_PLAIN} {{mark}}"));
    let who = Who::BOTH.map(|who| (Spot::Tmpfs, who));
    [
        marked_at(who, "E13", "an_interpreter_is_judged_too", EXEC, &attack, &allowed),
        marked("E13b", "a_script_in_the_work_folder_cannot_be_run", EXEC, "exec {w}/script {mark}", PLAIN),
    ]
    .into()
}
