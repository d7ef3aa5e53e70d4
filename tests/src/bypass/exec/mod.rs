//! Class E: running what may not be run. X leaves a mark in a folder that agents may write: its effect.

mod by_descriptor;
mod copy;
mod execve;
mod execveat;
mod loader;
mod memory_file;
mod script;
mod second_name;
mod through_proc;

use guard_common::{Operation, Surface};

use super::{Cases, Effect, PLACES, Refusal, Spot, Trick, Who};
use crate::harness::fixture::MARKS;

/// See the module. E17 to E19, rules on arguments, have their place behind `memory_file`.
pub const TRICKS: &[Trick] = &[
    execve::TRICK,
    execveat::TRICK,
    by_descriptor::TRICK,
    through_proc::TRICK,
    second_name::TRICK,
    copy::TRICK,
    memory_file::TRICK,
    loader::TRICK,
    script::TRICK,
];

const EXEC: Refusal = Refusal::no_edge(Surface::Exec, Operation::Exec);
/// An allowed variant that serves most: the program that X is a copy of.
const PLAIN: &str = "exec /usr/bin/busybox touch {mark}";

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
    let line = |program: &str| format!("{way} {program} touch {{mark}}");
    marked(id, sentence, EXEC, &line("{x}"), &line("/usr/bin/busybox"))
}
