//! Requests in a ring (io_uring): the kernel connects and sends, in a thread of its own if it likes.

use guard_common::{Operation, Reason, Surface};

use super::{CONNECT, Cases, Effect, Refusal, SEND, Spot, Trick, Who, alike, at, on_d};
use crate::harness::server::{A4, D4};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("ring.py")), cases };

fn cases() -> Cases {
    let places = Who::BOTH.map(|who| (Spot::Tmpfs, who));
    let family =
        Refusal { surface: Surface::Connect, operation: Operation::Socket, reason: Reason::UnknownFamily };
    [
        alike("N23", "a_ring_does_not_connect", CONNECT, "!net.ring.tcp", D4, A4),
        alike("N23b", "a_rings_worker_does_not_connect", CONNECT, "!net.ring.tcp_in_worker", D4, A4),
        alike("N23c", "a_ring_does_not_send_a_message", SEND, "!net.datagram.by message_by_ring", D4, A4),
        alike("N23d", "a_ring_does_not_send_without_copying", SEND, "!net.datagram.by without_copy", D4, A4),
        alike("N23g", "a_ring_does_not_send_to_an_address", SEND, "!net.datagram.by by_ring", D4, A4),
        on_d(
            "N23e",
            "a_ring_does_not_send_on_a_held_socket",
            SEND,
            "!!net.ring.held 20",
            "!!net.ring.held 21",
        ),
        at(
            places,
            "N23f",
            "a_ring_does_not_make_a_socket_of_an_unknown_family",
            family,
            ("!net.ring.family 38 5", &Effect::Told("made")),
            ("!net.ring.family 2 2", &Effect::Told("made")),
        ),
    ]
    .into()
}
