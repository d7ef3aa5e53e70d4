//! Changing the host's addresses, so that what is allowed is somebody else.

use anyhow::Result;
use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::case::Undo;
use crate::harness::server::A4;
use crate::harness::shell::sh;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("own_address.py")), cases };

fn cases() -> Cases {
    let added = |id, sentence, way: &str| {
        at(
            [(Spot::Tmpfs, Who::Root)],
            id,
            sentence,
            Refusal::no_edge(Surface::Admin, Operation::Capability),
            (&format!("!net.own_address.{way} 10.99.0.77/32 gt0"), &Effect::Says("/proc/net/fib_trie")),
            (&format!("udp {A4}"), &Effect::ReachedAllowed),
        )
        .ends_with(EPERM)
        .prepared(|_| Ok(Box::new(Added) as Undo))
    };
    [
        added("N61", "the_hosts_addresses_stay", "add"),
        added("N61b", "a_ring_lends_no_rights_to_change_them", "add_with_former_rights"),
    ]
    .into()
}

/// An address that may be there.
struct Added;

impl Drop for Added {
    fn drop(&mut self) {
        let removed: Result<()> = sh("ip addr del 10.99.0.77/32 dev gt0");
        // It is not there where the attack was refused.
        drop(removed);
    }
}
