//! A socket that was connected to D before its holder was an agent.

use guard_common::Operation;

use super::{Cases, SEND, Trick, on_d};
use crate::harness::server::{A4_NEAR, D4};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("held.py")), cases };

fn cases() -> Cases {
    let held = |id, sentence, way: &str| {
        on_d(id, sentence, SEND, &format!("!!net.held.{way} 20"), &format!("!!net.held.{way} 21"))
    };
    // These move pages into sockets, and ask about no send.
    let written = |id, sentence, way| {
        held(id, sentence, way).before(6, 5, |case| case.refusal.operation = Operation::Access)
    };
    [
        written("N24", "a_held_socket_is_not_written_to", "write"),
        held("N24b", "a_held_socket_does_not_send", "send"),
        written("N24c", "no_file_is_sent_to_a_held_socket", "sendfile"),
        written("N24d", "no_pipe_is_spliced_into_a_held_socket", "splice"),
        on_d(
            "N24e",
            "a_held_socket_does_not_send_past_its_peer",
            SEND,
            &format!("!!net.held.second 21 {D4}"),
            &format!("!!net.held.second 21 {A4_NEAR}"),
        ),
        on_d(
            "N24f",
            "a_held_stream_does_not_send_by_naming_another",
            SEND,
            &format!("!!net.held.second 22 {A4_NEAR}"),
            &format!("!!net.held.second 23 {A4_NEAR}"),
        ),
    ]
    .into()
}
