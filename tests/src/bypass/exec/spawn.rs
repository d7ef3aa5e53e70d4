//! Starting it in a new task, by every call that makes one.

use super::{BOTH, Cases, Trick, alike_at};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("spawn.py")), cases };

fn cases() -> Cases {
    let spawned =
        |id, sentence, function: &str| alike_at(BOTH, id, sentence, &format!("!exec.spawn.{function}"));
    [
        spawned("E23", "a_child_that_borrows_the_memory_cannot_run_it", "posix_spawn"),
        spawned("E23b", "a_siblings_program_is_judged_too", "sibling"),
        spawned("E23c", "a_child_by_clone3_cannot_run_it", "clone3"),
        spawned("E23d", "a_thread_that_becomes_the_process_cannot_run_it", "thread"),
    ]
    .into()
}
