//! Sending where nothing may be sent: over TCP and UDP, v4, v6 and v4 in v6 clothes, with and without `connect`.

use guard_common::{Operation, Reason, Surface};

use crate::harness::server::{A4, A4_MAPPED, A4_NEAR, A6, D4, D4_MAPPED, D6, LINK};
use crate::harness::{Act, Case, Effect, Refusal, Step, Test, Who, act, exotic};

const CONNECT: Operation = Operation::Connect;
const SEND: Operation = Operation::Send;

pub(super) fn all() -> Vec<Test> {
    let mut tests = Vec::new();
    for who in [Who::User, Who::Root] {
        let plain = |sentence: &str, operation, trick: &str, to: &str, allowed: &str| {
            case(sentence, who, operation, act(&format!("{trick} {to}")), act(&format!("{trick} {allowed}")))
        };
        let odd = |sentence: &str, operation, trick: &str, to: &str, allowed: &str| {
            case(
                sentence,
                who,
                operation,
                exotic(&format!("{trick} {to}")),
                exotic(&format!("{trick} {allowed}")),
            )
        };
        tests.extend([
            plain("tcp_over_v4_does_not_connect", CONNECT, "tcp", D4, A4),
            plain("tcp_over_v6_does_not_connect", CONNECT, "tcp", D6, A6),
            plain("tcp_to_a_mapped_address_does_not_connect", CONNECT, "tcp", D4_MAPPED, A4_MAPPED),
            plain("tcp_without_waiting_does_not_connect", CONNECT, "tcp-nonblocking", D4, A4),
            plain("fast_open_by_sendto_does_not_connect", SEND, "tcp-fastopen-sendto", D4, A4),
            plain("fast_open_by_sendto_over_v6_does_not_connect", SEND, "tcp-fastopen-sendto", D6, A6),
            plain("fast_open_by_option_does_not_connect", CONNECT, "tcp-fastopen-connect", D4, A4),
            plain("a_datagram_over_v4_does_not_leave", SEND, "udp", D4, A4),
            plain("a_datagram_over_v6_does_not_leave", SEND, "udp", D6, A6),
            plain(
                "a_datagram_to_a_mapped_address_does_not_leave",
                SEND,
                "udp-v6-socket",
                D4_MAPPED,
                A4_MAPPED,
            ),
            plain("a_connected_datagram_does_not_leave", CONNECT, "udp-connected", D4, A4),
            plain("a_connected_datagram_over_v6_does_not_leave", CONNECT, "udp-connected", D6, A6),
            plain(
                "a_datagram_past_the_connected_peer_does_not_leave",
                SEND,
                "udp-connected-elsewhere",
                &format!("{A4_NEAR} {D4}"),
                &format!("{A4} {A4}"),
            ),
            plain(
                "the_second_of_many_datagrams_does_not_leave",
                SEND,
                "udp-many",
                &format!("{A4_NEAR} {D4}"),
                &format!("{A4} {A4}"),
            ),
            odd("an_unspecified_family_is_judged_as_v4", SEND, "udp-unspec", D4, A4),
            odd("a_v4_address_on_a_v6_socket_is_judged", SEND, "udp-v4-over-v6", D4, A4),
            odd("scattered_data_does_not_leave", SEND, "sendmsg-scattered", D4, A4),
            odd(
                "a_dissolved_connection_opens_nothing_new",
                SEND,
                "udp-dissolved",
                &format!("{A4_NEAR} {D4}"),
                &format!("{A4} {A4}"),
            ),
            odd(
                "a_second_connect_opens_nothing_new",
                CONNECT,
                "udp-reconnected",
                &format!("{A4_NEAR} {D4}"),
                &format!("{A4} {A4}"),
            ),
            odd("multipath_tcp_does_not_connect", CONNECT, "mptcp", D4, A4),
        ]);
    }
    tests.extend(as_root());
    tests
}

/// Headers made by hand. Ports mean nothing to a raw socket, so only a rule for the whole address can allow it; what
/// speaks another protocol, or is of another family, no rule can.
fn as_root() -> [Test; 5] {
    let one = |sentence: &str, attack: String, reason| {
        let case = Case {
            who: Who::Root,
            attack: Step { act: exotic(&attack), effect: Effect::ReachedOther },
            refusal: Refusal { reason, ..Refusal::no_edge(Surface::Connect, SEND) },
            allowed: Step { act: act(&format!("udp {A4}")), effect: Effect::ReachedAllowed },
        };
        Test::attack(format!("{sentence}@root"), case)
    };
    let (malformed, unknown) = (Reason::MalformedAddress, Reason::UnknownFamily);
    let from_link = |trick: &str| format!("{trick} {LINK} {A4_NEAR} {D4}");
    [
        one("a_raw_datagram_does_not_leave", format!("raw-udp {D4}"), Reason::NoEdge),
        one("a_raw_datagram_to_no_family_does_not_leave", format!("raw-udp-unspec {D6}"), malformed),
        one("a_packet_of_no_protocol_does_not_leave", format!("raw-ip {A4_NEAR} {D4}"), unknown),
        one("a_packet_for_everybody_on_the_link_does_not_leave", from_link("packet-udp"), unknown),
        one("a_frame_from_a_bound_packet_socket_does_not_leave", from_link("packet-udp-bound"), unknown),
    ]
}

fn case(sentence: &str, who: Who, operation: Operation, attack: Act, allowed: Act) -> Test {
    let case = Case {
        who,
        attack: Step { act: attack, effect: Effect::ReachedOther },
        refusal: Refusal::no_edge(Surface::Connect, operation),
        allowed: Step { act: allowed, effect: Effect::ReachedAllowed },
    };
    Test::attack(format!("{sentence}@{}", who.name()), case)
}
