//! Class C: being someone else first. P is what they all aim at.

mod capability;
mod descendant;
mod host_setting;
mod namespaces;
mod orphan;
mod other_cgroup;
mod other_user;

use guard_common::Operation;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, in_namespaces, on_pd_at};

/// See the module.
pub const TRICKS: &[Trick] = &[
    descendant::TRICK,
    orphan::TRICK,
    other_cgroup::TRICK,
    namespaces::TRICK,
    other_user::TRICK,
    capability::TRICK,
    host_setting::TRICK,
];

/// `WAY write P` as someone else.
fn as_another(id: &'static str, sentence: &str, before: &str) -> Cases {
    let line = |path| format!("{before} {path}");
    let places = [(Spot::Tmpfs, Who::User), (Spot::Ext4, Who::Root)];
    on_pd_at(places, id, sentence, Operation::Open, &line("{pd}/p"), &line("{w}/f"))
}
