//! Speaking to a program outside through its unix socket: judged by where the socket's name lies, whichever way
//! leads to it. A name in the abstract namespace lies nowhere.

use guard_common::{Operation, Surface};

use super::{PLACES, filled};
use crate::harness::server::NOWHERE;
use crate::harness::{Case, Effect, Refusal, Spot, Step, Test, Who};

pub(super) fn all() -> Vec<Test> {
    let named = PLACES.into_iter().flat_map(|(spot, who)| below_pd(spot, who));
    named.chain([Who::User, Who::Root].into_iter().flat_map(abstract_names)).collect()
}

fn below_pd(spot: Spot, who: Who) -> Vec<Test> {
    let alike = |sentence: &str, trick: &str, name: &str| {
        let below = |folder: &str| format!("{trick} {folder}/sockets/{name}");
        case(sentence, spot, who, &below("{pd}"), &below("{w}"))
    };
    vec![
        alike("a_stream_socket_is_not_reached", "unix-stream", "stream"),
        alike("a_seqpacket_socket_is_not_reached", "unix-seqpacket", "seqpacket"),
        alike("a_datagram_to_a_name_is_not_delivered", "unix-datagram", "datagram"),
        alike("a_datagram_socket_does_not_connect", "unix-datagram-connected", "datagram"),
        case(
            "a_datagram_past_the_connected_peer_is_not_delivered",
            spot,
            who,
            "unix-datagram-connected-elsewhere {w}/sockets/datagram {pd}/sockets/datagram",
            "unix-datagram-connected-elsewhere {w}/sockets/datagram {w}/sockets/datagram",
        ),
        case(
            "a_symbolic_link_leads_no_further",
            spot,
            who,
            "unix-stream {w}/to-socket",
            "unix-stream {w}/sockets/stream",
        ),
        case(
            "a_name_from_within_the_folder_leads_no_further",
            spot,
            who,
            "in-folder {pd}/sockets unix-stream stream",
            "in-folder {w}/sockets unix-stream stream",
        ),
    ]
}

/// No path can name them, so no edge can allow them; the allowed variant has a name in W.
fn abstract_names(who: Who) -> Vec<Test> {
    let one = |sentence: &str, trick: &str, name: &str| {
        let (attack, allowed) =
            (format!("{trick} {NOWHERE}/{name}"), format!("{trick} {{w}}/sockets/{name}"));
        case(sentence, Spot::Tmpfs, who, &attack, &allowed)
    };
    vec![
        one("an_abstract_stream_socket_is_not_reached", "unix-stream", "stream"),
        one("an_abstract_seqpacket_socket_is_not_reached", "unix-seqpacket", "seqpacket"),
        one("a_datagram_to_an_abstract_name_is_not_delivered", "unix-datagram", "datagram"),
    ]
}

fn case(sentence: &str, spot: Spot, who: Who, attack: &str, allowed: &str) -> Test {
    let case = Case {
        who,
        attack: Step { act: filled(spot, attack), effect: Effect::ReachedOtherName },
        refusal: Refusal::no_edge(Surface::Ipc, Operation::UnixConnect),
        allowed: Step { act: filled(spot, allowed), effect: Effect::ReachedAllowedName },
    };
    Test::attack(format!("{sentence}@{}/{}", spot.name(), who.name()), case)
}
