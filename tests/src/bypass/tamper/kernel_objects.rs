//! Kernel programs, links and maps: by their numbers, by their pins, by descriptors that are handed over, or new ones
//! beside them.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::bystander::stands_by;
use crate::harness::case::Asks;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("kernel_objects.py")), cases };

fn cases() -> Cases {
    let bpf = Refusal::no_edge(Surface::Admin, Operation::Bpf);
    let object = |id, sentence, refusal, way: &str, effect: &Effect| {
        let attack = format!("!tamper.kernel_objects.{way}");
        let allowed = ("write {w}/f", &Effect::changed("{w}"));
        at([(Spot::Tmpfs, Who::Root)], id, sentence, refusal, (&attack, effect), allowed)
            .prepared(|_| stands_by(Who::Root, "tamper.kernel_objects.owner /sys/fs/bpf/guardtest"))
    };
    // Whether the caller is capable is asked first, and at length.
    let asked = |id, sentence, way, effect| {
        object(id, sentence, bpf, way, effect).before(6, 9, |case| case.asks = Asks::Again)
    };
    let linked = |id, sentence, way, effect| {
        asked(id, sentence, way, effect)
            .prepared(|_| stands_by(Who::Root, "tamper.kernel_objects.link_owner"))
    };
    [
        linked("T07b", "a_link_is_not_detached_by_its_number", "detach_by_number", &Effect::Bystander),
        linked("T07c", "a_links_program_is_not_replaced", "replace_by_number", &Effect::Bystander),
        linked("T07d", "a_program_is_not_taken_by_its_number", "program_by_number", &Effect::Told("taken")),
        // Nobody comes so far as to detach it.
        object(
            "T07e",
            "a_link_that_is_handed_over_is_not_received",
            Refusal::no_edge(Surface::Admin, Operation::Receive),
            "detach_received {w}/lender",
            &Effect::Bystander,
        )
        .prepared(|spot| {
            stands_by(Who::Root, &format!("tamper.kernel_objects.link_lender {}", spot.w("lender")))
        }),
        asked("T08", "a_map_is_not_changed_by_its_number", "by_number", &Effect::Bystander),
        asked("T08b", "a_map_is_not_changed_by_its_pin", "by_pin", &Effect::Bystander),
        asked("T08c", "maps_are_not_listed", "list_maps", &Effect::Told("found")),
        asked("T07", "no_program_is_loaded", "load_program", &Effect::Told("loaded")).before(6, 9, |case| {
            case.refusal.operation = Operation::Capability;
            case.ends_with = nix::libc::EPERM;
        }),
        object(
            "T05e",
            "a_pinned_map_is_not_removed",
            Refusal::no_edge(Surface::Write, Operation::Unlink),
            "remove_pin",
            &Effect::Bystander,
        ),
    ]
    .into()
}
