//! Another network: D is a neighbour there.

use std::fs::File;

use guard_common::{Operation, Surface};
use nix::sched::{CloneFlags, setns};

use super::{Refusal, Trick, Who, on_d_as};
use crate::act::{perform, way_alone};
use crate::harness::server::A4;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("in-network", |a, out| {
        setns(File::open(a.path(0)?)?, CloneFlags::CLONE_NEWNET)?;
        perform(a.rest(1), out)
    })],
    python: None,
    cases: || {
        on_d_as(
            &[Who::Root],
            "N32",
            "another_network_cannot_be_entered",
            Refusal::no_edge(Surface::Read, Operation::Open),
            "in-network /run/netns/guardtest tcp 127.0.0.1:7000",
            &format!("tcp {A4}"),
        )
    },
};
