//! Looking into another process, and changing it.

use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, beside};
use crate::harness::Profile;
use crate::harness::bystander::stands_by;
use crate::harness::fixture::SECRET;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("trace.py")), cases };

/// What the victim's memory holds.
const WHOLE: &str = "the memory of another";

fn cases() -> Cases {
    let traced = Refusal::no_edge(Surface::Ipc, Operation::Trace);
    let places = || Who::BOTH.map(|who| (Spot::Tmpfs, who));
    let aimed = |id, sentence, way: &str, effect: &Effect, of_child: &str| {
        let (attack, allowed) =
            (format!("!ipc.trace.at_bystander {way}"), format!("!ipc.trace.at_child {of_child}"));
        let cases = at(places(), id, sentence, traced, (&attack, effect), (&allowed, &Effect::Done));
        beside(
            cases,
            |_| stands_by(Who::User, "ipc.trace.victim"),
            |_| stands_by(Who::Root, "ipc.trace.victim"),
        )
    };
    // Whoever traces a process writes into its code: one's own is traced by whoever may run memory.
    let victim = |id, sentence, way: &str, effect: &Effect| {
        aimed(id, sentence, way, effect, way).allowed_as(Profile::Compiler)
    };
    let seen = |id, sentence, way: &str, effect: &Effect| aimed(id, sentence, way, effect, way);
    let (changed, told) = (&Effect::Bystander, &Effect::Told(WHOLE));
    [
        victim("I10", "another_process_is_not_traced", "attach", changed),
        victim("I10b", "another_process_is_not_seized", "seize", changed),
        at(
            places(),
            "I10c",
            "nobody_outside_becomes_the_tracer",
            traced,
            ("!ipc.trace.by_init", &Effect::Told("traced")),
            ("!ipc.trace.by_parent", &Effect::Told("traced")),
        )
        .allowed_as(Profile::Compiler),
        // The kernel turns a refusal of these into EPERM.
        victim("I11", "another_processs_memory_is_not_written", "write_memory", changed).ends_with(EPERM),
        victim("I11b", "another_processs_memory_is_not_read", "read_memory", told).ends_with(EPERM),
        // Whatever process it is: nothing of /proc is opened for writing. One's own is written by the call.
        aimed(
            "I11c",
            "another_processs_memory_is_not_written_as_a_file",
            "write_file",
            changed,
            "write_memory",
        )
        .allowed_as(Profile::Compiler)
        .each(|case| case.refusal = Refusal::no_edge(Surface::Write, Operation::Open)),
        victim("I11d", "another_processs_memory_is_not_read_as_a_file", "read_file", told),
        // Newer kernels ask whether root may count performance instead.
        seen("I11e", "another_processs_environment_is_not_read", "environment", &Effect::Told(SECRET))
            .asked_again(),
        seen("I11f", "another_processs_layout_is_not_read", "layout", &Effect::Told("laid out"))
            .asked_again(),
    ]
    .into()
}
