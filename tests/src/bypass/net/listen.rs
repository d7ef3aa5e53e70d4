//! Waiting for peers: what a reverse shell does that is called instead of calling.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::bystander::stands_by;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("listen.py")), cases };

const fn listens(operation: Operation) -> Refusal {
    Refusal::no_edge(Surface::Listen, operation)
}

fn cases() -> Cases {
    let places = || Who::BOTH.map(|who| (Spot::Tmpfs, who));
    let answered = |id, sentence, operation, attack: &str, allowed: &str| {
        let (attack, allowed) = ((attack, &Effect::Bystander), (allowed, &Effect::Bystander));
        at(places(), id, sentence, listens(operation), attack, allowed)
    };
    let waits = |id, sentence, attack: &str| {
        let allowed = ("!net.listen.at_any_port 127.0.0.1", &Effect::Told("listens"));
        at(places(), id, sentence, listens(Operation::Listen), (attack, &Effect::Told("listens")), allowed)
    };
    [
        answered(
            "N27",
            "nobody_is_answered_at_every_address",
            Operation::Bind,
            "!net.listen.tcp 0.0.0.0:7100",
            "!net.listen.tcp 127.0.0.1:7101",
        )
        .prepared(|_| called("tcp 10.99.0.1:7100"))
        .each(|case| case.allowed.prepare = Some(|_| called("tcp 127.0.0.1:7101"))),
        answered(
            "N27b",
            "nobody_is_answered_at_every_address_of_either_version",
            Operation::Bind,
            "!net.listen.tcp [::]:7102",
            "!net.listen.tcp [::1]:7103",
        )
        .prepared(|_| called("tcp 10.99.0.1:7102"))
        .each(|case| case.allowed.prepare = Some(|_| called("tcp [::1]:7103"))),
        answered(
            "N27c",
            "no_datagram_is_waited_for_at_every_address",
            Operation::Bind,
            "!net.listen.datagram 0.0.0.0:7104",
            "!net.listen.datagram 127.0.0.1:7105",
        )
        .prepared(|_| called("udp 10.99.0.1:7104"))
        .each(|case| case.allowed.prepare = Some(|_| called("udp 127.0.0.1:7105"))),
        waits("N27d", "nobody_listens_without_an_address", "!net.listen.unbound"),
        waits("N27e", "nobody_listens_at_every_address_and_any_port", "!net.listen.at_any_port 0.0.0.0"),
        answered(
            "N27f",
            "nobody_is_answered_on_a_listening_socket_that_was_received",
            Operation::Accept,
            "!net.listen.handed_on {w}/giver",
            "!net.listen.tcp 127.0.0.1:7101",
        )
        .prepared(|spot| called(&format!("handed 10.99.0.1:7106 {}", spot.w("giver"))))
        .each(|case| case.allowed.prepare = Some(|_| called("tcp 127.0.0.1:7101"))),
    ]
    .into()
}

/// Somebody outside who calls there.
fn called(words: &str) -> anyhow::Result<crate::harness::case::Undo> {
    stands_by(Who::User, &format!("net.listen.caller {words}"))
}
