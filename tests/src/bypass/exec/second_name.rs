//! A hard link to X where the agent may write.

use guard_common::{Operation, Surface};

use super::execve::run_from;
use super::{PLAIN, Refusal, Trick, marked};
use crate::act::way_alone;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("exec-link", |a, _| {
        std::fs::hard_link(a.path(0)?, a.path(1)?)?;
        run_from(a, 1)
    })],
    python: None,
    cases: || {
        // Refused where the name is made.
        let refusal = Refusal::no_edge(Surface::Write, Operation::Link);
        let attack = "exec-link {x} {w}/busybox touch {mark}";
        marked("E06", "a_second_name_cannot_be_run", refusal, attack, PLAIN)
    },
};
