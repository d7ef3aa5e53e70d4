//! Multipath TCP: another protocol number for the same peers.

use super::{CONNECT, Cases, Trick, alike};
use crate::harness::server::{A4, A6, D4, D6};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("multipath.py")), cases };

fn cases() -> Cases {
    let connect = "!net.multipath.connect";
    [
        alike("N15", "multipath_tcp_does_not_connect", CONNECT, connect, D4, A4),
        alike("N15b", "multipath_tcp_over_v6_does_not_connect", CONNECT, connect, D6, A6),
    ]
    .into()
}
