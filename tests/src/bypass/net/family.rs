//! Families and protocols that no rule speaks of: their sockets cannot be made.

use std::sync::Once;

use guard_common::Reason;

use super::{Cases, Effect, MAKE, Refusal, Spot, Trick, Who, at};
use crate::harness::bystander::stands_by;
use crate::harness::server::A4;
use crate::harness::shell::sh;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("family.py")), cases };

const UNKNOWN: Refusal = Refusal { reason: Reason::UnknownFamily, ..MAKE };

/// Id, what it is, family, type, protocol, as whom.
type Row = (&'static str, &'static str, u32, u32, u32, Who);

/// What stock kernels have. The rest of the catalogue's are gone from the newest.
const ROWS: [Row; 16] = [
    ("N18", "sctp", 2, 1, 132, Who::User),
    ("N18b", "sctp_over_v6", 10, 5, 132, Who::User),
    ("N18c", "rds", 21, 5, 0, Who::User),
    ("N18d", "tipc", 30, 5, 0, Who::User),
    ("N18e", "kcm", 41, 2, 0, Who::User),
    ("N18f", "qrtr", 42, 2, 0, Who::User),
    ("N18g", "bluetooth", 31, 3, 1, Who::User),
    ("N18h", "the_kernels_cryptography", 38, 5, 0, Who::User),
    ("N18i", "can", 29, 3, 1, Who::Root),
    ("N18j", "express_data_path", 44, 3, 0, Who::Root),
    ("N18k", "ipsec_keys", 15, 3, 2, Who::Root),
    ("N18l", "other_processes_sockets", 16, 3, 4, Who::User),
    ("N18m", "device_events", 16, 3, 15, Who::User),
    ("N18n", "generic_netlink", 16, 3, 16, Who::User),
    ("N18o", "packet_filters", 16, 3, 12, Who::Root),
    ("N18p", "ipsec_policies", 16, 3, 6, Who::Root),
];

fn cases() -> Cases {
    let (allowed, made) = (format!("udp {A4}"), Effect::Told("made"));
    let mut all = Cases::default();
    for (id, what, family, kind, protocol, who) in ROWS {
        let attack = format!("!net.family.make {family} {kind} {protocol}");
        let place = [(Spot::Tmpfs, who)];
        let sentence = format!("no_socket_is_made_for_{what}");
        let allowed = (&*allowed, &Effect::ReachedAllowed);
        all.0.extend(at(place, id, &sentence, UNKNOWN, (&attack, &made), allowed).0);
    }
    let places = Who::BOTH.map(|who| (Spot::Tmpfs, who));
    let (attack, allowed) = (("!net.family.vsock", &Effect::Bystander), (&*allowed, &Effect::ReachedAllowed));
    let machines =
        at(places, "N21", "nobody_is_reached_as_machines_reach_their_host", UNKNOWN, attack, allowed);
    let machines = machines.prepared(|_| {
        load();
        stands_by(Who::Root, "net.family.waiting")
    });
    all = all.prepared(|_| {
        load();
        Ok(Box::new(()))
    });
    all.0.extend(machines.0);
    all
}

/// Where the kernel does not load them by itself, somebody did.
fn load() {
    const MODULES: &str =
        "sctp rds tipc kcm qrtr bluetooth af_alg can can_raw af_key nfnetlink xfrm_user vsock vsock_loopback";
    static LOADED: Once = Once::new();
    // One that is missing shows in its case: its socket cannot be made outside either.
    LOADED.call_once(|| MODULES.split(' ').for_each(|module| drop(sh(&format!("modprobe {module}")))));
}
