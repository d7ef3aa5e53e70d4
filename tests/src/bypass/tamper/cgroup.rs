//! Stopping or ending others by the files of their cgroup.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::bystander::stands_by_in;

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

const CGROUP: &str = "/sys/fs/cgroup/guardtest-bystander";

fn cases() -> Cases {
    let order = |id, sentence, file: &str| {
        let attack = format!("put {CGROUP}/{file} 1");
        let refusal = Refusal::no_edge(Surface::Write, Operation::Open);
        let allowed = ("write {w}/f", &Effect::changed("{w}"));
        at([(Spot::Tmpfs, Who::Root)], id, sentence, refusal, (&attack, &Effect::Bystander), allowed)
            .prepared(|_| stands_by_in(CGROUP, "ipc.signal.victim"))
    };
    [
        order("T02", "another_cgroup_is_not_frozen", "cgroup.freeze"),
        order("T02b", "another_cgroup_is_not_killed", "cgroup.kill"),
    ]
    .into()
}
