//! `0.0.0.0`, which the kernel takes for the address that the socket has, and for loopback only where it has none.

use super::{CONNECT, Cases, Effect, Refusal, SEND, Spot, Trick, Who, at, beside};
use crate::harness::bystander::stands_by;
use crate::harness::server::A4;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("nowhere.py")), cases };

const WAITER: &str = "net.nowhere.waiter";

fn cases() -> Cases {
    let sent = |id, sentence, refusal: Refusal, way: &str| {
        let places = Who::BOTH.map(|who| (Spot::Tmpfs, who));
        let attack = format!("!net.nowhere.{way}");
        let allowed = (format!("udp {A4}"), Effect::ReachedAllowed);
        let cases =
            at(places, id, sentence, refusal, (&attack, &Effect::Bystander), (&allowed.0, &allowed.1));
        beside(cases, |_| stands_by(Who::User, WAITER), |_| stands_by(Who::Root, WAITER))
    };
    [
        sent("N66", "nowhere_is_not_an_address_of_the_hosts", SEND, "by_bound_socket"),
        sent("N66b", "nowhere_is_not_where_a_connection_comes_from", CONNECT, "by_connection"),
        sent("N66c", "nowhere_is_not_where_a_message_comes_from", SEND, "by_message"),
        sent("N66d", "nowhere_is_nowhere_as_a_mapped_address", SEND, "mapped"),
    ]
    .into()
}
