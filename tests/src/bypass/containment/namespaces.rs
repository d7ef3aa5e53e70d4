//! New namespaces around the same task, and what a task may do in one that is its own.

use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::act::process::leave_namespaces;
use crate::act::{perform, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("in-namespaces", |a, out| {
        leave_namespaces()?;
        perform(a.rest(0), out)
    })],
    python: Some(include_str!("namespaces.py")),
    cases,
};

fn cases() -> Cases {
    let own = Refusal::no_edge(Surface::Admin, Operation::Namespace);
    let shed = |id, sentence, who: Who, attack: &str| {
        let refusal = match who {
            Who::User => own,
            Who::Root => Refusal::no_edge(Surface::Admin, Operation::Capability),
        };
        let (changed, worked) = (Effect::changed("{pd}"), Effect::changed("{w}"));
        let case =
            at([(Spot::Tmpfs, who)], id, sentence, refusal, (attack, &changed), ("write {w}/f", &worked));
        match who {
            Who::User => case,
            Who::Root => case.ends_with(EPERM),
        }
    };
    let gained = |id, sentence, attack| {
        let worked = Effect::changed("{w}");
        let everything = &Effect::Told("everything");
        at([(Spot::Tmpfs, Who::User)], id, sentence, own, (attack, everything), ("write {w}/f", &worked))
    };
    let mut all: Cases = [
        gained("C12b", "no_namespace_of_ones_own_gives_capabilities", "!containment.namespaces.by_unshare"),
        gained("C12c", "no_child_is_born_with_capabilities", "!containment.namespaces.by_clone"),
        gained(
            "C12d",
            "no_child_is_born_with_capabilities_by_the_longer_call",
            "!containment.namespaces.by_clone3",
        ),
    ]
    .into();
    for who in Who::BOTH {
        all.0
            .extend(shed("C08", "new_namespaces_do_not_shed_the_label", who, "in-namespaces write {pd}/p").0);
        let attack = "!containment.namespaces.elsewhere {pd}/p";
        all.0.extend(shed("C08b", "new_processes_times_and_networks_do_not_shed_the_label", who, attack).0);
    }
    all
}
