//! Class N: sending where nothing may be sent. D counts who reaches it.

mod connect;
mod datagram;
mod family;
mod fast_open;
pub(super) mod handed;
mod held;
mod listen;
mod mapped;
mod marked;
mod multipath;
mod nowhere;
mod other_namespace;
mod own_address;
mod packet;
mod ping;
mod ring;
mod second_peer;
mod source_route;
mod translated;
mod unspecified_family;

use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, beside};
use crate::harness::Case;

/// See the module.
pub const TRICKS: &[Trick] = &[
    connect::TRICK,
    mapped::TRICK,
    nowhere::TRICK,
    translated::TRICK,
    datagram::TRICK,
    second_peer::TRICK,
    unspecified_family::TRICK,
    fast_open::TRICK,
    multipath::TRICK,
    packet::TRICK,
    family::TRICK,
    ping::TRICK,
    ring::TRICK,
    held::TRICK,
    handed::TRICK,
    listen::TRICK,
    source_route::TRICK,
    marked::TRICK,
    own_address::TRICK,
    other_namespace::TRICK,
];

const CONNECT: Refusal = Refusal::no_edge(Surface::Connect, Operation::Connect);
const MAKE: Refusal = Refusal::no_edge(Surface::Connect, Operation::Socket);
const SEND: Refusal = Refusal::no_edge(Surface::Connect, Operation::Send);

/// A way to D, and an allowed one to A, as both users.
fn on_d(id: &'static str, sentence: &str, refusal: Refusal, attack: &str, allowed: &str) -> Cases {
    on_d_as(&Who::BOTH, id, sentence, refusal, attack, allowed)
}

fn on_d_as(
    who: &[Who],
    id: &'static str,
    sentence: &str,
    refusal: Refusal,
    attack: &str,
    allowed: &str,
) -> Cases {
    let places = who.iter().map(|who| (Spot::Tmpfs, *who));
    let (attack, allowed) = ((attack, &Effect::ReachedOther), (allowed, &Effect::ReachedAllowed));
    // No file system has a part in it.
    at(places, id, sentence, refusal, attack, allowed)
        .each(|case: &mut Case| case.sentence = format!("{sentence}@{}", case.who.name()))
}

/// The same way to both.
fn alike(id: &'static str, sentence: &str, refusal: Refusal, way: &str, to: &str, allowed: &str) -> Cases {
    on_d(id, sentence, refusal, &format!("{way} {to}"), &format!("{way} {allowed}"))
}
