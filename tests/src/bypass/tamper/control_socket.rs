//! The socket that orders come by.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::bystander::stands_by;
use crate::harness::fixture::MARKS;

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let marked = &Effect::changed(MARKS);
    let own = "/run/guard/stand-in.sock";
    at(
        [(Spot::Tmpfs, Who::Root)],
        "T16",
        "the_run_folders_sockets_are_not_reached",
        Refusal::no_edge(Surface::Ipc, Operation::UnixConnect),
        (&format!("!ipc.broker.ask {own} touch {{mark}}"), marked),
        ("!ipc.broker.ask {w}/broker touch {mark}", marked),
    )
    .prepared(|_| stands_by(Who::Root, "ipc.broker.broker /run/guard/stand-in.sock"))
    .each(|case| {
        case.allowed.prepare =
            Some(|spot| stands_by(Who::Root, &format!("ipc.broker.broker {}", spot.w("broker"))));
    })
}
