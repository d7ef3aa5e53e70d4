//! Headers made by hand: agents have no such sockets.

use guard_common::Reason;

use super::{Cases, MAKE, Trick, Who, on_d_as};
use crate::harness::server::{A4, A4_NEAR, D4, LINK};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("packet.py")), cases };

fn cases() -> Cases {
    let one = |id, sentence, attack: &str| {
        on_d_as(&[Who::Root], id, sentence, MAKE, attack, &format!("udp {A4}")).reason(Reason::UnknownFamily)
    };
    let from_link = |way| format!("!net.packet.{way} {LINK} {A4_NEAR} {D4}");
    [
        one("N20", "a_raw_datagram_does_not_leave", &format!("!net.packet.datagram {D4}")),
        one("N20b", "a_packet_of_no_protocol_does_not_leave", &format!("!net.packet.whole {A4_NEAR} {D4}")),
        one("N20c", "a_packet_for_everybody_on_the_link_does_not_leave", &from_link("on_link")),
        one("N20d", "a_frame_from_a_bound_packet_socket_does_not_leave", &from_link("as_frame")),
    ]
    .into()
}
