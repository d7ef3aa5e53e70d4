//! Another session's terminal: showing its user something, or typing for him.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, beside};
use crate::harness::bystander::stands_by;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("terminal.py")), cases };

fn cases() -> Cases {
    let session = |who: &[Who], id, sentence, refusal, attack| {
        let places = who.iter().map(|who| (Spot::Tmpfs, *who));
        let allowed = ("write {w}/f", &Effect::changed("{w}"));
        let cases = at(places, id, sentence, refusal, (attack, &Effect::Bystander), allowed);
        beside(
            cases,
            |_| stands_by(Who::User, "ipc.terminal.session"),
            |_| stands_by(Who::Root, "ipc.terminal.session"),
        )
    };
    let opened = Refusal::no_edge(Surface::Write, Operation::Open);
    let traced = Refusal::no_edge(Surface::Ipc, Operation::Trace);
    let typed = Refusal::no_edge(Surface::Ipc, Operation::Ioctl);
    [
        session(&Who::BOTH, "I09", "another_terminal_is_not_written_to", opened, "!ipc.terminal.by_name"),
        session(&Who::BOTH, "I09b", "another_processs_input_is_not_opened", traced, "!ipc.terminal.by_input"),
        // Only whoever may do everything types into a terminal that is not his own.
        session(&[Who::Root], "I09c", "nothing_is_typed_into_another_terminal", typed, "!ipc.terminal.typed"),
    ]
    .into()
}
