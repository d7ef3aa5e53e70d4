//! Moving oneself to another cgroup, or being born in one.

use guard_common::{Operation, Surface};
use nix::unistd::getpid;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, on_pd_at};
use crate::act::{perform, way_alone};
use crate::harness::Profile;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("after-leaving", |a, out| {
        std::fs::write(a.path(0)?, getpid().to_string())?;
        perform(a.rest(1), out)
    })],
    python: Some(include_str!("other_cgroup.py")),
    cases,
};

fn cases() -> Cases {
    let place = [(Spot::Tmpfs, Who::Root)];
    let left =
        |id, sentence, operation, attack| on_pd_at(place, id, sentence, operation, attack, "write {w}/f");
    let mounted = |id, sentence, surface, operation| {
        let attack = ("!containment.other_cgroup.mounted {w}/d {pd}/p", &Effect::changed("{pd}"));
        let allowed = ("!containment.other_cgroup.only_mounted {w}/d {w}/f", &Effect::changed("{w}/f"));
        at(place, id, sentence, Refusal::no_edge(surface, operation), attack, allowed)
            .allowed_as(Profile::Administrator)
    };
    [
        left(
            "C04",
            "the_cgroup_cannot_be_left",
            Operation::Open,
            "after-leaving /sys/fs/cgroup/cgroup.procs write {pd}/p",
        ),
        left(
            "C04b",
            "no_cgroup_of_ones_own_can_be_made",
            Operation::Mkdir,
            "!containment.other_cgroup.own {pd}/p",
        ),
        left(
            "C04c",
            "nobody_is_born_in_another_cgroup",
            Operation::Fork,
            "!containment.descendant.born_elsewhere {pd}/p",
        )
        .each(|case| case.refusal = Refusal::no_edge(Surface::Admin, Operation::Fork)),
        mounted("C07", "no_cgroup_file_system_of_ones_own_can_be_mounted", Surface::Admin, Operation::Mount),
        mounted(
            "C07b",
            "the_cgroup_cannot_be_left_by_a_file_system_of_ones_own",
            Surface::Write,
            Operation::Open,
        )
        .both_as(Profile::Administrator),
    ]
    .into()
}
