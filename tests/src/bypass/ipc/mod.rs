//! Class I: having somebody outside act. Unix sockets count who reaches them.

mod abstract_socket;
mod other_name;
mod unix_socket;

use guard_common::{Operation, Surface};

use super::{Cases, Effect, PLACES, Refusal, Spot, Trick, Who};

/// See the module.
pub const TRICKS: &[Trick] = &[unix_socket::TRICK, abstract_socket::TRICK, other_name::TRICK];

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
    super::at(places, id, sentence, UNIX, attack, allowed)
}
