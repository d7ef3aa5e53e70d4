//! Echo requests: a datagram socket of the protocol ICMP.

use super::{CONNECT, Cases, Effect, Refusal, SEND, Spot, Trick, Who, at};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("ping.py")), cases };

const ECHOS: &Effect = &Effect::Counted("Icmp.InEchos");
const ECHOS_OF_V6: &Effect = &Effect::Counted("Icmp6InEchos");

fn cases() -> Cases {
    let ping = |id, sentence, refusal: Refusal, (attack, effect): (&str, &Effect), allowed: &str| {
        let places = Who::BOTH.map(|who| (Spot::Tmpfs, who));
        at(places, id, sentence, refusal, (attack, effect), (allowed, &Effect::Done)).both_prepared(|_| {
            std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647")?;
            Ok(Box::new(()))
        })
    };
    let (v4, v6) = ("!net.ping.echo 4 127.0.0.1", "!net.ping.echo 6 ::1");
    [
        ping("N19", "an_echo_request_does_not_leave", SEND, ("!net.ping.echo 4 10.99.0.2", ECHOS), v4),
        ping(
            "N19b",
            "a_connected_echo_request_does_not_leave",
            CONNECT,
            ("!net.ping.connected 4 10.99.0.2", ECHOS),
            v4,
        ),
        ping(
            "N19c",
            "an_echo_request_over_v6_does_not_leave",
            SEND,
            ("!net.ping.echo 6 fd99::2", ECHOS_OF_V6),
            v6,
        ),
    ]
    .into()
}
