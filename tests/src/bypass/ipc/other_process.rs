//! Another process as a way to where it is: what `nsenter` does, and what lies below its folder in /proc.

use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, beside};
use crate::harness::bystander::stands_by;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("other_process.py")), cases };

fn cases() -> Cases {
    let traced = Refusal::no_edge(Surface::Ipc, Operation::Trace);
    let allowed = || ("write {w}/f", Effect::changed("{w}"));
    let by = |who: &[Who], id, sentence, attack, effect: &Effect| {
        let places = who.iter().map(|who| (Spot::Tmpfs, *who));
        let (line, worked) = allowed();
        at(places, id, sentence, traced, (attack, effect), (line, &worked))
    };
    let named = |id, sentence, attack| {
        by(&[Who::Root], id, sentence, attack, &Effect::Bystander)
            .prepared(|_| stands_by(Who::Root, "ipc.other_process.named"))
    };
    // W's file, so that nothing but the way is refused.
    let held = |id, sentence, attack| {
        let cases = by(&Who::BOTH, id, sentence, attack, &Effect::changed("{w}"));
        beside(cases, |spot| stands_by(Who::User, &holder(spot)), |spot| stands_by(Who::Root, &holder(spot)))
    };
    [
        named(
            "I17",
            "another_processs_namespace_is_not_entered_by_its_link",
            "!ipc.other_process.rename_by_link",
        ),
        named(
            "I17b",
            "another_processs_namespace_is_not_entered_by_its_descriptor",
            "!ipc.other_process.rename_by_descriptor",
        )
        .ends_with(EPERM),
        held("I17c", "another_processs_root_leads_nowhere", "!ipc.other_process.write_below_root {w}/f"),
        held("I17d", "another_processs_files_are_not_opened_anew", "!ipc.other_process.write_held"),
    ]
    .into()
}

fn holder(spot: Spot) -> String {
    format!("ipc.other_process.holder {}", spot.w("f"))
}
