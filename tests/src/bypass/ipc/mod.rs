//! Class I: having somebody outside act, or reaching into him. Unix sockets count who reaches them; a bystander tells
//! what became of it.

mod abstract_socket;
mod broker;
mod dropped_job;
mod handed;
mod held;
mod key;
mod message_queue;
mod other_name;
mod other_process;
mod signal;
mod sysv;
mod terminal;
mod trace;
mod unix_socket;

use guard_common::{Operation, Surface};

use super::{Cases, Effect, PLACES, Refusal, Spot, Trick, Who, at, beside};
use crate::harness::case::Prepare;

/// See the module.
pub const TRICKS: &[Trick] = &[
    unix_socket::TRICK,
    abstract_socket::TRICK,
    other_name::TRICK,
    broker::TRICK,
    dropped_job::TRICK,
    handed::TRICK,
    held::TRICK,
    terminal::TRICK,
    trace::TRICK,
    signal::TRICK,
    other_process::TRICK,
    key::TRICK,
    sysv::TRICK,
    message_queue::TRICK,
];

const UNIX: Refusal = Refusal::no_edge(Surface::Ipc, Operation::UnixConnect);

/// A way to a socket below PD, and to one below W. Judged by where the socket's name lies, whichever way leads to it.
fn on_socket(id: &'static str, sentence: &str, attack: &str, allowed: &str) -> Cases {
    on_socket_at(PLACES, id, sentence, attack, allowed)
}

fn on_socket_at(
    places: impl IntoIterator<Item = (Spot, Who)>,
    id: &'static str,
    sentence: &str,
    attack: &str,
    allowed: &str,
) -> Cases {
    let (attack, allowed) = ((attack, &Effect::ReachedOtherName), (allowed, &Effect::ReachedAllowedName));
    at(places, id, sentence, UNIX, attack, allowed)
}
