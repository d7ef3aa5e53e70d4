//! Another network: D is a neighbour there.

use std::fs::File;

use guard_common::{Operation, Surface};
use nix::libc::EPERM;
use nix::sched::{CloneFlags, setns};

use super::{Cases, Refusal, Trick, Who, on_d_as};
use crate::act::{perform, way_alone};
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
    let entered = |id, sentence, refusal, attack: &str| {
        on_d_as(&[Who::Root], id, sentence, refusal, attack, &format!("tcp {A4}"))
    };
    let of_process = |id, sentence, way: &str| {
        let traced = Refusal::no_edge(Surface::Ipc, Operation::Trace);
        entered(id, sentence, traced, &format!("!net.other_namespace.{way} 127.0.0.1:7000"))
            .prepared(|_| stands_by(Who::Root, "net.other_namespace.inhabitant"))
    };
    [
        entered(
            "N32",
            "another_network_cannot_be_entered",
            Refusal::no_edge(Surface::Read, Operation::Open),
            "in-network /run/netns/guardtest tcp 127.0.0.1:7000",
        ),
        of_process("N32b", "another_processs_network_cannot_be_entered_by_its_link", "by_link"),
        of_process("N32c", "another_processs_network_cannot_be_entered_by_its_descriptor", "by_descriptor")
            .ends_with(EPERM),
    ]
    .into()
}
