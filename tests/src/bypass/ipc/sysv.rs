//! Memory, semaphores and queues that processes share by numbers, however open their makers left them.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, beside};
use crate::harness::bystander::stands_by;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("sysv.py")), cases };

fn cases() -> Cases {
    let shared = |id, sentence, way: &str| {
        let places = Who::BOTH.map(|who| (Spot::Tmpfs, who));
        let (attack, allowed) =
            (format!("!ipc.sysv.of_bystander {way}"), format!("!ipc.sysv.of_ones_own {way}"));
        let refusal = Refusal::no_edge(Surface::Ipc, Operation::SysvIpc);
        let cases =
            at(places, id, sentence, refusal, (&attack, &Effect::Bystander), (&allowed, &Effect::Done));
        beside(cases, |_| stands_by(Who::User, "ipc.sysv.owner"), |_| stands_by(Who::Root, "ipc.sysv.owner"))
    };
    [
        shared("I64", "anothers_shared_memory_is_not_written", "write_memory"),
        shared("I64b", "anothers_semaphore_is_not_set", "set_semaphore"),
        shared("I64c", "anothers_semaphore_is_not_operated", "operate_semaphore"),
        shared("I64d", "anothers_semaphore_is_not_removed", "remove_semaphore"),
        shared("I64e", "nothing_is_sent_to_anothers_queue", "send"),
        shared("I64f", "nothing_is_taken_from_anothers_queue", "receive"),
        shared("I64g", "anothers_queue_is_not_removed", "remove_queue"),
    ]
    .into()
}
