//! Another network: D is a neighbour there.

use std::fs::File;

use guard_common::{Operation, Surface};
use nix::libc::EPERM;
use nix::sched::{CloneFlags, setns};

use super::{Cases, Refusal, Trick, Who, on_d_as};
use crate::act::{perform, way_alone};
use crate::harness::Profile;
use crate::harness::bystander::stands_by;
use crate::harness::server::A4;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("in-network", |a, out| {
        setns(File::open(a.path(0)?)?, CloneFlags::CLONE_NEWNET)?;
        perform(a.rest(1), out)
    })],
    python: Some(include_str!("other_namespace.py")),
    cases,
};

fn cases() -> Cases {
    let entered = |id, sentence, refusal, attack: &str, allowed: &str| {
        on_d_as(&[Who::Root], id, sentence, refusal, attack, allowed).allowed_as(Profile::Administrator)
    };
    // Agents that may enter networks: what is refused is whose it is.
    let of_process = |id, sentence, way: &str| {
        let line = |whose: &str, to: &str| format!("!net.other_namespace.{whose} {way} {to}");
        let traced = Refusal::no_edge(Surface::Ipc, Operation::Trace);
        entered(id, sentence, traced, &line("of_bystander", "127.0.0.1:7000"), &line("of_child", A4))
            .both_as(Profile::Administrator)
            .prepared(|_| stands_by(Who::Root, "net.other_namespace.inhabitant"))
    };
    [
        entered(
            "N32",
            "another_network_cannot_be_entered",
            Refusal::no_edge(Surface::Read, Operation::Open),
            "in-network /run/netns/guardtest tcp 127.0.0.1:7000",
            &format!("in-network /proc/self/ns/net tcp {A4}"),
        ),
        // A descriptor of it that was there before is no way in either.
        entered(
            "N32d",
            "another_network_cannot_be_entered_by_a_descriptor_from_before",
            Refusal::no_edge(Surface::Admin, Operation::Capability),
            "!!net.other_namespace.held 28 127.0.0.1:7000",
            &format!("!net.other_namespace.of_child by_link {A4}"),
        )
        .ends_with(EPERM),
        of_process("N32b", "another_processs_network_cannot_be_entered_by_its_link", "by_link"),
        of_process("N32c", "another_processs_network_cannot_be_entered_by_its_descriptor", "by_descriptor")
            .ends_with(EPERM),
    ]
    .into()
}
