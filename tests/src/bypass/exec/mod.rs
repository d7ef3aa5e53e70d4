//! Class E: running what may not be run. X leaves a mark in a folder that agents may write: its effect.

mod arguments;
mod by_descriptor;
mod check_only;
mod compat;
mod copy;
mod execve;
mod execveat;
mod interpreter;
mod kernel_helper;
mod library;
mod loader;
mod memory_code;
mod memory_file;
mod own_file_system;
mod passed;
mod registered_interpreter;
mod running_program;
mod script;
mod sealed;
mod second_name;
mod set_user_id;
mod spawn;
mod through_proc;

use guard_common::{Operation, Surface};

use super::{Cases, Effect, PLACES, Refusal, Spot, TWO_PLACES, Trick, Who};
use crate::harness::fixture::MARKS;

/// See the module.
pub const TRICKS: &[Trick] = &[
    execve::TRICK,
    execveat::TRICK,
    by_descriptor::TRICK,
    through_proc::TRICK,
    second_name::TRICK,
    copy::TRICK,
    memory_file::TRICK,
    loader::TRICK,
    library::TRICK,
    memory_code::TRICK,
    script::TRICK,
    interpreter::TRICK,
    arguments::TRICK,
    sealed::TRICK,
    set_user_id::TRICK,
    spawn::TRICK,
    check_only::TRICK,
    kernel_helper::TRICK,
    registered_interpreter::TRICK,
    own_file_system::TRICK,
    compat::TRICK,
    running_program::TRICK,
    passed::TRICK,
];

const EXEC: Refusal = Refusal::no_edge(Surface::Exec, Operation::Exec);
const MAP: Refusal = Refusal::no_edge(Surface::Exec, Operation::Map);
/// An allowed variant that serves most: the program that X is a copy of.
const PLAIN: &str = "exec /usr/bin/busybox touch {mark}";
/// Both users, on the file system that is the quickest.
const BOTH: [(Spot, Who); 2] = [(Spot::Tmpfs, Who::User), (Spot::Tmpfs, Who::Root)];

/// A way to X that must leave no mark; `allowed` must leave one.
fn marked(id: &'static str, sentence: &str, refusal: Refusal, attack: &str, allowed: &str) -> Cases {
    marked_at(PLACES, id, sentence, refusal, attack, allowed)
}

fn marked_at(
    places: impl IntoIterator<Item = (Spot, Who)>,
    id: &'static str,
    sentence: &str,
    refusal: Refusal,
    attack: &str,
    allowed: &str,
) -> Cases {
    let mark = Effect::changed(MARKS);
    super::at(places, id, sentence, refusal, (attack, &mark), (allowed, &mark))
}

/// The same way to X, and to a program that may be run.
fn alike(id: &'static str, sentence: &str, way: &str) -> Cases {
    alike_at(PLACES, id, sentence, way)
}

fn alike_at(
    places: impl IntoIterator<Item = (Spot, Who)>,
    id: &'static str,
    sentence: &str,
    way: &str,
) -> Cases {
    let line = |program: &str| format!("{way} {program} touch {{mark}}");
    marked_at(places, id, sentence, EXEC, &line("{x}"), &line("/usr/bin/busybox"))
}
