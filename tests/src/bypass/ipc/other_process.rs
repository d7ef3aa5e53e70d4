//! Another process as a way to where it is: what `nsenter` does, and what lies below its folder in /proc.

use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, beside};
use crate::harness::Profile;
use crate::harness::bystander::stands_by;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("other_process.py")), cases };

fn cases() -> Cases {
    let traced = Refusal::no_edge(Surface::Ipc, Operation::Trace);
    let by = |who: &[Who], id, sentence, attack: (&str, &Effect), allowed: (&str, &Effect)| {
        at(who.iter().map(|who| (Spot::Tmpfs, *who)), id, sentence, traced, attack, allowed)
    };
    // Agents that may enter namespaces: what is refused is whose it is.
    let named = |id, sentence, way: &str| {
        let line = |whose: &str| format!("!ipc.other_process.{whose} {way}");
        let (attack, allowed) = (line("of_bystander"), line("of_child"));
        let renamed = &Effect::Told("attacked");
        by(&[Who::Root], id, sentence, (&attack, &Effect::Bystander), (&allowed, renamed))
            .both_as(Profile::Administrator)
            .prepared(|_| stands_by(Who::Root, "ipc.other_process.named"))
    };
    // W's file, so that nothing but the way is refused.
    let held = |id, sentence, attack, allowed| {
        let w = &Effect::changed("{w}");
        let cases = by(&Who::BOTH, id, sentence, (attack, w), (allowed, w));
        beside(cases, |spot| stands_by(Who::User, &holder(spot)), |spot| stands_by(Who::Root, &holder(spot)))
    };
    [
        named("I17", "another_processs_namespace_is_not_entered_by_its_link", "rename_by_link"),
        named("I17b", "another_processs_namespace_is_not_entered_by_its_descriptor", "rename_by_descriptor")
            .ends_with(EPERM),
        held(
            "I17c",
            "another_processs_root_leads_nowhere",
            "!ipc.other_process.write_below_root {w}/f",
            "!ipc.other_process.write_below_childs_root {w}/f",
        ),
        held(
            "I17d",
            "another_processs_files_are_not_opened_anew",
            "!ipc.other_process.write_held",
            "!ipc.other_process.write_held_by_child {w}/f",
        ),
    ]
    .into()
}

fn holder(spot: Spot) -> String {
    format!("ipc.other_process.holder {}", spot.w("f"))
}
