//! A unix socket that another process has connected, and hands over.

use guard_common::{Operation, Surface};

use super::{Effect, Refusal, Spot, Trick, Who, at};
use crate::bypass::net::handed::gives;

const USE: &str = "!net.handed.use {w}/giver";

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: None,
    cases: || {
        at(
            Who::BOTH.map(|who| (Spot::Tmpfs, who)),
            "I60",
            "a_connected_unix_socket_is_not_received",
            Refusal::no_edge(Surface::Ipc, Operation::Receive),
            (USE, &Effect::ReachedOtherName),
            (USE, &Effect::ReachedAllowedName),
        )
        .prepared(|spot| gives(&format!("named {} {}", spot.pd("sockets/datagram"), spot.w("giver"))))
        .each(|case| {
            case.allowed.prepare =
                Some(|spot| gives(&format!("named {} {}", spot.w("sockets/datagram"), spot.w("giver"))));
        })
    },
};
