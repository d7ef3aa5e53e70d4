//! Kernel programs and maps: by their numbers, by their pins, or new ones beside them.

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
    [
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
