//! UDP, with and without `connect`.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use super::{CONNECT, Cases, SEND, Trick, alike};
use crate::act::{SENT, way};
use crate::harness::server::{A4, A6, D4, D6};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("udp", |a, _| udp(a.parsed(0)?)?.send_to(SENT, a.parsed::<SocketAddr>(0)?).map(drop)),
        way("udp-connected", |a, _| {
            let udp = udp(a.parsed(0)?)?;
            udp.connect(a.parsed::<SocketAddr>(0)?)?;
            udp.send(SENT).map(drop)
        }),
    ],
    python: Some(include_str!("datagram.py")),
    cases,
};

/// A UDP socket of the peer's family.
pub(super) fn udp(peer: SocketAddr) -> io::Result<UdpSocket> {
    UdpSocket::bind(if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })
}

fn cases() -> Cases {
    [
        alike("N06", "a_datagram_over_v4_does_not_leave", SEND, "udp", D4, A4),
        alike("N06b", "a_datagram_over_v6_does_not_leave", SEND, "udp", D6, A6),
        alike("N06c", "scattered_data_does_not_leave", SEND, "!net.datagram.scattered", D4, A4),
        alike("N06f", "one_of_many_messages_does_not_leave", SEND, "!net.datagram.by sendmmsg", D4, A4),
        alike(
            "N06g",
            "what_is_written_to_a_connection_does_not_leave",
            CONNECT,
            "!net.datagram.by written",
            D4,
            A4,
        ),
        alike("N06d", "a_connected_datagram_does_not_leave", CONNECT, "udp-connected", D4, A4),
        alike("N06e", "a_connected_datagram_over_v6_does_not_leave", CONNECT, "udp-connected", D6, A6),
    ]
    .into()
}
