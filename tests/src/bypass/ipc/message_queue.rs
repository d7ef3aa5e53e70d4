//! POSIX message queues: objects that processes share by names of no folder's.

use guard_common::{Operation, Reason, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, beside};
use crate::harness::bystander::stands_by;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("message_queue.py")), cases };

const OWNER: &str = "ipc.message_queue.owner";

fn cases() -> Cases {
    let shared = |id, sentence, way: &str, (surface, operation)| {
        let places = Who::BOTH.map(|who| (Spot::Tmpfs, who));
        let refusal = Refusal { surface, operation, reason: Reason::UnresolvedObject };
        // There are no such queues for agents; others, by numbers, they may have of their own.
        let (attack, allowed) = (format!("!ipc.message_queue.{way}"), "!ipc.sysv.of_ones_own send");
        let cases =
            at(places, id, sentence, refusal, (&attack, &Effect::Bystander), (allowed, &Effect::Done));
        beside(cases, |_| stands_by(Who::User, OWNER), |_| stands_by(Who::Root, OWNER))
    };
    [
        shared("I65", "anothers_named_queue_is_not_removed", "remove", (Surface::Write, Operation::Unlink)),
        shared("I65b", "no_named_queue_is_left_behind", "leave", (Surface::Write, Operation::Mknod)),
        shared("I65c", "nothing_is_sent_to_anothers_named_queue", "send", (Surface::Write, Operation::Open)),
        shared(
            "I65d",
            "nothing_is_taken_from_anothers_named_queue",
            "take",
            (Surface::Read, Operation::Open),
        ),
    ]
    .into()
}
