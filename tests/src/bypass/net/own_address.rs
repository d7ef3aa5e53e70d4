//! Changing the host's addresses, so that what is allowed is somebody else.

use anyhow::Result;
use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::case::Undo;
use crate::harness::server::A4;
use crate::harness::shell::sh;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: Some(include_str!("own_address.py")),
    cases: || {
        at(
            [(Spot::Tmpfs, Who::Root)],
            "N61",
            "the_hosts_addresses_stay",
            Refusal::no_edge(Surface::Admin, Operation::Capability),
            ("!net.own_address.add 10.99.0.77/32 gt0", &Effect::Says("/proc/net/fib_trie")),
            (&format!("udp {A4}"), &Effect::ReachedAllowed),
        )
        .ends_with(EPERM)
        .prepared(|_| Ok(Box::new(Added) as Undo))
    },
};

/// An address that may be there.
struct Added;

impl Drop for Added {
    fn drop(&mut self) {
        let removed: Result<()> = sh("ip addr del 10.99.0.77/32 dev gt0");
        // It is not there where the attack was refused.
        drop(removed);
    }
}
