//! Multipath TCP: another protocol number for the same peers.

use super::{CONNECT, Trick, alike};
use crate::harness::server::{A4, D4};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: Some(include_str!("multipath.py")),
    cases: || alike("N15", "multipath_tcp_does_not_connect", CONNECT, "!net.multipath.connect", D4, A4),
};
