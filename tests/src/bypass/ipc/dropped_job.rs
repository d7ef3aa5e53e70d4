//! Somebody outside who runs what is dropped into a folder.

use guard_common::{Operation, Surface};

use super::{Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::bystander::stands_by;
use crate::harness::fixture::MARKS;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: Some(include_str!("dropped_job.py")),
    cases: || {
        let marked = &Effect::changed(MARKS);
        at(
            Who::BOTH.map(|who| (Spot::Tmpfs, who)),
            "I16",
            "no_job_is_left_for_others",
            Refusal::no_edge(Surface::Write, Operation::Mknod),
            ("!ipc.dropped_job.drop /guardtest/jobs touch {mark}", marked),
            ("!ipc.dropped_job.drop {w}/jobs touch {mark}", marked),
        )
        .prepared(|_| stands_by(Who::Root, "ipc.dropped_job.watcher /guardtest/jobs"))
        .each(|case| {
            case.allowed.prepare =
                Some(|spot| stands_by(Who::Root, &format!("ipc.dropped_job.watcher {}", spot.w("jobs"))));
        })
    },
};
