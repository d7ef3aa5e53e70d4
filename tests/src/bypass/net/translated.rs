//! v4 addresses inside v6 ones that translators and tunnels take apart again.

use super::{CONNECT, Cases, SEND, Trick, alike};
use crate::harness::server::{A6, D4_COMPATIBLE, D4_TRANSLATED, D4_TUNNELLED};

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    [
        alike("N04", "tcp_to_a_translators_address_does_not_connect", CONNECT, "tcp", D4_TRANSLATED, A6),
        alike("N04b", "a_datagram_to_a_translators_address_does_not_leave", SEND, "udp", D4_TRANSLATED, A6),
        alike("N04c", "tcp_to_a_tunnels_address_does_not_connect", CONNECT, "tcp", D4_TUNNELLED, A6),
        alike("N04d", "a_datagram_to_a_tunnels_address_does_not_leave", SEND, "udp", D4_TUNNELLED, A6),
        alike("N04e", "tcp_to_a_compatible_address_does_not_connect", CONNECT, "tcp", D4_COMPATIBLE, A6),
        alike("N04f", "a_datagram_to_a_compatible_address_does_not_leave", SEND, "udp", D4_COMPATIBLE, A6),
    ]
    .into()
}
