//! v4 addresses in v6 clothes.

use std::net::{SocketAddr, UdpSocket};

use super::{CONNECT, Cases, SEND, Trick, alike};
use crate::act::{SENT, way};
use crate::harness::server::{A4_MAPPED, D4_MAPPED};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way("udp-v6-socket", |a, _| {
        UdpSocket::bind("[::]:0")?.send_to(SENT, a.parsed::<SocketAddr>(0)?).map(drop)
    })],
    python: None,
    cases,
};

fn cases() -> Cases {
    let mapped = |id, sentence, refusal, way| alike(id, sentence, refusal, way, D4_MAPPED, A4_MAPPED);
    [
        mapped("N03", "tcp_to_a_mapped_address_does_not_connect", CONNECT, "tcp"),
        mapped("N03c", "a_connected_datagram_to_a_mapped_address_does_not_leave", CONNECT, "udp-connected"),
        mapped("N03b", "a_datagram_to_a_mapped_address_does_not_leave", SEND, "udp-v6-socket"),
    ]
    .into()
}
