//! Signals to a process outside, and what else changes how it runs.

use anyhow::Result;
use aya::maps::{Array, Map, MapData};
use guard_common::limits::FILE_OWNERS_MAX;
use guard_common::map::name;
use guard_common::{Operation, Reason, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, beside};
use crate::harness::bystander::stands_by;
use crate::harness::case::Undo;
use crate::harness::guard::PINS;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("signal.py")), cases };

fn cases() -> Cases {
    let victim = |id, sentence, operation, way: &str| {
        let places = Who::BOTH.map(|who| (Spot::Tmpfs, who));
        let (attack, allowed) =
            (format!("!ipc.signal.at_bystander {way}"), format!("!ipc.signal.at_child {way}"));
        let refusal = Refusal::no_edge(Surface::Ipc, operation);
        let cases =
            at(places, id, sentence, refusal, (&attack, &Effect::Bystander), (&allowed, &Effect::Done));
        beside(
            cases,
            |_| stands_by(Who::User, "ipc.signal.victim"),
            |_| stands_by(Who::Root, "ipc.signal.victim"),
        )
    };
    let signal = |id, sentence, way| victim(id, sentence, Operation::Signal, way);
    let change = |id, sentence, way| victim(id, sentence, Operation::Trace, way);
    [
        signal("I62", "another_process_is_not_killed", "kill"),
        signal("I62b", "another_process_is_not_stopped", "stop"),
        signal("I62c", "another_group_is_not_killed", "kill_group"),
        signal("I62d", "another_processs_thread_is_not_killed", "kill_thread"),
        signal("I62e", "another_thread_is_not_killed", "kill_any_thread"),
        signal("I62f", "no_signal_is_queued_for_another_process", "queue"),
        signal("I62g", "no_signal_is_queued_for_another_processs_thread", "queue_to_thread"),
        signal("I62h", "another_process_is_not_killed_by_its_descriptor", "by_descriptor"),
        // The kernel drops such a signal, and tells nobody. There is more than one for each try.
        signal("I62i", "another_process_that_owns_a_descriptor_is_not_killed", "owner_of_input")
            .asked_again()
            .ends_with(0),
        signal(
            "I62j",
            "another_process_that_owns_a_descriptor_by_the_longer_call_is_not_killed",
            "owner_by_longer_call",
        )
        .asked_again()
        .ends_with(0),
        signal("I62k", "whom_a_descriptor_signals_is_not_chosen_where_nobody_can_note_it", "owner_of_input")
            .reason(Reason::KernelFault)
            .each(|case| case.attack.prepare = Some(full)),
        change("I63", "another_process_is_not_slowed_down", "slow_down"),
        change("I63b", "another_process_is_not_rescheduled", "reschedule"),
        change("I63c", "another_process_is_not_kept_from_the_disk", "starve_of_disk"),
        change("I63d", "another_processs_limits_stay", "limit"),
    ]
    .into()
}

/// How many notes guard says that it holds; what it said before comes back with the value's end.
struct Held(Map, u64);

impl Held {
    fn say(map: &mut Map, number: u64) -> Result<u64> {
        let mut rows = Array::<_, u64>::try_from(map)?;
        let before = rows.get(&0, 0)?;
        rows.set(0, number, 0)?;
        Ok(before)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = Self::say(&mut self.0, self.1);
    }
}

/// A victim, and no room for another note, where guard keeps any.
fn full(_: Spot) -> Result<Undo> {
    let victim = stands_by(Who::User, "ipc.signal.victim")?;
    let Ok(data) = MapData::from_pin(format!("{PINS}/maps/{}", name::FILE_OWNERS_HELD)) else {
        return Ok(victim);
    };
    let mut map = Map::from_map_data(data)?;
    let before = Held::say(&mut map, u64::from(FILE_OWNERS_MAX))?;
    Ok(Box::new((victim, Held(map, before))))
}
