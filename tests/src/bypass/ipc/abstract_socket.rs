//! Names that lie in no file system: no path can name them, so no edge can allow them.

use super::{Cases, Spot, Trick, Who, on_socket_at};
use crate::harness::server::NOWHERE;

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let places = Who::BOTH.map(|who| (Spot::Tmpfs, who));
    let one = |id, sentence, way: &str, name: &str| {
        let (attack, allowed) = (format!("{way} {NOWHERE}/{name}"), format!("{way} {{w}}/sockets/{name}"));
        on_socket_at(places, id, sentence, &attack, &allowed)
    };
    [
        one("I02", "an_abstract_stream_socket_is_not_reached", "unix-stream", "stream"),
        one("I02b", "an_abstract_seqpacket_socket_is_not_reached", "unix-seqpacket", "seqpacket"),
        one("I02c", "a_datagram_to_an_abstract_name_is_not_delivered", "unix-datagram", "datagram"),
    ]
    .into()
}
