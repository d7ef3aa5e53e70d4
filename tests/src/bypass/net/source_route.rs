//! Packets for a peer that may be reached, by way of one that may not: the first sees it all, and the verdict was
//! about the other.

use guard_common::{Operation, Reason, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::server::{A4, A4_NEAR};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("source_route.py")), cases };

fn cases() -> Cases {
    let by = |who: &[Who], id, sentence, operation, attack: &str, effect: &Effect| {
        let refusal = Refusal { surface: Surface::Connect, operation, reason: Reason::SourceRoute };
        let places = who.iter().map(|who| (Spot::Tmpfs, *who));
        let allowed = (&*format!("udp {A4}"), &Effect::ReachedAllowed);
        at(places, id, sentence, refusal, (attack, effect), allowed)
    };
    // D4 hands it on to where it is for. Only root may ask for it.
    let v4 = |id, sentence, operation, way: &str| {
        let attack = format!("!net.source_route.{way} 10.99.0.2 {A4_NEAR}");
        by(&[Who::Root], id, sentence, operation, &attack, &Effect::Counted("Ip.ForwDatagrams"))
    };
    // D6 is nobody's home, and counts it as an error.
    let v6 = |id, sentence, operation, way: &str| {
        let attack = format!("!net.source_route.{way} fd99::2 [::1]:7000");
        by(&Who::BOTH, id, sentence, operation, &attack, &Effect::Counted("Ip6InAddrErrors"))
    };
    let (option, send) = (Operation::SocketOption, Operation::Send);
    [
        v4("N60", "an_option_leads_no_packet_elsewhere", option, "option"),
        v4("N60b", "an_option_beside_the_data_leads_no_packet_elsewhere", send, "beside_the_data"),
        v6("N60c", "a_routing_header_leads_no_packet_elsewhere", option, "header"),
        v6(
            "N60d",
            "a_routing_header_beside_the_data_leads_no_packet_elsewhere",
            send,
            "header_beside_the_data",
        ),
    ]
    .into()
}
