//! A unix socket that was connected before its holder was an agent.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("held.py")), cases };

fn cases() -> Cases {
    let held = |id, sentence, way: &str, forbidden: u32, allowed: u32| {
        let line = |fd: u32| format!("!!ipc.held.{way} {fd}");
        at(
            Who::BOTH.map(|who| (Spot::Tmpfs, who)),
            id,
            sentence,
            Refusal::no_edge(Surface::Ipc, Operation::Send),
            (&line(forbidden), &Effect::ReachedOtherName),
            (&line(allowed), &Effect::ReachedAllowedName),
        )
    };
    [
        held("I66", "a_held_stream_is_not_written_to", "write", 24, 26),
        held("I66b", "a_held_stream_does_not_send", "send", 24, 26),
        held("I66c", "a_held_stream_takes_no_descriptor", "hand_over", 24, 26),
        held("I66d", "a_held_seqpacket_socket_does_not_send", "send", 25, 27),
    ]
    .into()
}
