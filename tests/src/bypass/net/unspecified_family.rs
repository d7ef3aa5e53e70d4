//! Addresses whose family field is not their socket's.

use guard_common::Reason;

use super::{CONNECT, Cases, MAKE, SEND, Trick, Who, alike, on_d_as};
use crate::harness::server::{A4, D4, D6};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("unspecified_family.py")), cases };

fn cases() -> Cases {
    let unspecified =
        |id, sentence, way| alike(id, sentence, SEND, &format!("!net.unspecified_family.v4 {way}"), D4, A4);
    let on_v6 = |id, sentence, refusal, way| {
        alike(id, sentence, refusal, &format!("!net.unspecified_family.v4_on_v6 {way}"), D4, A4)
    };
    [
        unspecified("N08b", "an_unspecified_family_is_judged_as_v4", "sendto"),
        unspecified("N08f", "an_unspecified_family_is_judged_in_a_message", "sendmsg"),
        unspecified("N08g", "an_unspecified_family_is_judged_in_one_of_many_messages", "sendmmsg"),
        unspecified("N08h", "an_unspecified_family_is_judged_in_a_rings_message", "message_by_ring"),
        unspecified("N08i", "an_unspecified_family_is_judged_where_a_ring_copies_nothing", "without_copy"),
        on_v6("N08c", "a_v4_address_on_a_v6_socket_is_judged", SEND, "sendto"),
        on_v6("N08j", "a_v4_address_on_a_v6_socket_is_judged_in_a_message", SEND, "sendmsg"),
        on_v6("N08k", "a_v4_address_on_a_v6_socket_is_judged_in_one_of_many_messages", SEND, "sendmmsg"),
        on_v6("N08l", "a_v4_address_on_a_v6_socket_is_judged_in_a_rings_message", SEND, "message_by_ring"),
        on_v6("N08m", "a_v4_address_on_a_v6_socket_is_judged_when_it_connects", CONNECT, "connected"),
        on_v6("N08n", "a_v4_address_on_a_v6_socket_is_judged_before_anything_is_written", CONNECT, "written"),
        on_d_as(
            &[Who::Root],
            "N08d",
            "a_raw_datagram_to_no_family_does_not_leave",
            MAKE,
            &format!("!net.unspecified_family.raw {D6}"),
            &format!("udp {A4}"),
        )
        .reason(Reason::UnknownFamily),
    ]
    .into()
}
