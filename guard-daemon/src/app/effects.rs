//! Doing what the engine listed, in its order: revoke, append, grant or refuse, notify.

use guard_common::map::switch::{KILL_ALL, KillMode};

use super::daemon::Daemon;
use super::saved;
use crate::audit::{Pending, Recorded};
use crate::control::orders;
use crate::engine;
use crate::kernel::{AgentCgroup, Halted, boot_ns, unless_gone};
use crate::model::effect::{Effect, Narrowing, Widening};
use crate::model::input::Input;
use crate::model::record::Record;

impl Daemon {
    /// Does it all. An error is for whoever asked: something was refused, or could not be done.
    pub(super) fn execute(&mut self, effects: Vec<Effect>) -> Result<(), String> {
        let outcome = self.revoke_all(&effects);
        let widens = effects.iter().any(|effect| matches!(effect, Effect::Grant(_)));
        let done = if widens { self.widen(effects) } else { self.keep(effects) };
        self.look_at_ledger();
        outcome.and(done)
    }

    /// Does what narrows, and records it now or not at all: for orders whose journal keeps them until then.
    pub(super) fn execute_recorded(&mut self, effects: Vec<Effect>) -> Result<(), String> {
        let outcome = self.revoke_all(&effects);
        let recorded = self.widen(effects);
        self.look_at_ledger();
        outcome.and(recorded)
    }

    // Revoke before append: a full disk must not keep a permission alive. What fails stops none that follows.
    fn revoke_all(&mut self, effects: &[Effect]) -> Result<(), String> {
        let mut outcome = Ok(());
        for effect in effects {
            if let Effect::Revoke(narrowing) = effect {
                outcome = outcome.and(self.revoke(narrowing));
            }
        }
        outcome
    }

    /// Keeps every record as one group, and does what follows each.
    fn keep(&mut self, effects: Vec<Effect>) -> Result<(), String> {
        let mut records = Vec::new();
        let mut rest = Vec::new();
        for effect in effects {
            match effect {
                Effect::Append { record, durability } => {
                    records.push(Pending { record: *record, durability });
                }
                Effect::Revoke(_) => {}
                after @ (Effect::Grant(_)
                | Effect::Refuse(_)
                | Effect::Notify(_)
                | Effect::Heartbeat
                | Effect::Checkpoint) => rest.push((records.len().checked_sub(1), after)),
            }
        }
        let positions = self.records.keep(records);
        let mut outcome = Ok(());
        for (behind, effect) in rest {
            let position = behind.and_then(|behind| positions.get(behind).copied().flatten());
            outcome = outcome.and(self.follow(effect, position));
        }
        outcome
    }

    fn follow(&mut self, effect: Effect, position: Option<u64>) -> Result<(), String> {
        match effect {
            Effect::Notify(notice) => {
                self.registry.count_refusal(notice.slot);
                let owner = self.registry.get(notice.slot).map(|agent| agent.launch.by.uid);
                self.refusals.take(*notice, position, owner);
                Ok(())
            }
            Effect::Refuse(why) => Err(why),
            Effect::Heartbeat => self
                .maps
                .beat(boot_ns())
                .map_err(|error| format!("the kernel cannot be shown a heartbeat: {error}")),
            Effect::Checkpoint => {
                self.records.tick();
                Ok(())
            }
            // Handled where they belong: before the records, or behind a proof.
            Effect::Revoke(_) | Effect::Append { .. } | Effect::Grant(_) => Ok(()),
        }
    }

    /// Records first, and gives then: each gift behind the proof of its record.
    fn widen(&mut self, effects: Vec<Effect>) -> Result<(), String> {
        let mut proof: Option<Recorded<Record>> = None;
        for effect in effects {
            match effect {
                Effect::Append { record, durability: _ } => proof = Some(self.records.require(*record)?),
                Effect::Grant(widening) => {
                    let proof = proof.take().ok_or("nothing is given without a record")?;
                    self.grant(widening, &proof)?;
                }
                other @ (Effect::Refuse(_) | Effect::Notify(_) | Effect::Heartbeat | Effect::Checkpoint) => {
                    self.follow(other, proof.as_ref().map(Recorded::index))?;
                }
                Effect::Revoke(_) => {}
            }
        }
        Ok(())
    }

    fn grant(&mut self, widening: Widening, proof: &Recorded<Record>) -> Result<(), String> {
        if !proof.is_durable() {
            return Err("the ledger has the record, and not on disk yet".to_owned());
        }
        match widening {
            Widening::SurfaceOn(surface) => {
                self.maps.switches.set_surface(surface, true).map_err(|error| error.to_string())?;
                self.save_surfaces()
            }
            Widening::Recover { slots, agent } => self.lift(&slots, agent),
            Widening::Launch { slot } => self.admit(slot),
            Widening::Policy { generation } => self.flip(generation),
        }
    }

    fn revoke(&mut self, narrowing: &Narrowing) -> Result<(), String> {
        match narrowing {
            Narrowing::SurfaceOff(surface) => {
                self.maps.switches.set_surface(*surface, false).map_err(|error| error.to_string())?;
                self.save_surfaces()
            }
            Narrowing::Kill { slots, mode } => self.halt(slots, *mode),
        }
    }

    fn halt(&mut self, slots: &[u32], mode: KillMode) -> Result<(), String> {
        let mut outcome = Ok(());
        for slot in slots {
            outcome = outcome.and(self.raise_word(*slot, mode));
        }
        for cgroup in self.cgroups_of(slots) {
            let ordered = match mode {
                KillMode::Run => Ok(()),
                KillMode::Freeze => cgroup.freeze(true),
                KillMode::Terminate => cgroup.kill(),
            };
            outcome = outcome.and(unless_gone(ordered).map_err(|error| error.to_string()));
        }
        if mode == KillMode::Terminate {
            outcome = outcome.and(self.end_labelled(slots));
        }
        self.read_switches();
        outcome
    }

    // Somebody may have moved a process out of its cgroup; its label went with it. Each is ended as it is found: the
    // next may be one that cannot be looked at.
    fn end_labelled(&self, slots: &[u32]) -> Result<(), String> {
        let meant = |slot| slots.contains(&KILL_ALL) || slots.contains(&slot);
        let mut left = Vec::new();
        let seen = self.labels.each(|process| {
            if meant(process.label.agent)
                && let Err(error) = process.kill()
            {
                left.push(format!("process {} cannot be ended: {error}", process.pid));
            }
        });
        left.extend(seen.err().map(|error| format!("who carries a label cannot be seen: {error}")));
        if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
    }

    // Never from terminate to freeze: the stronger order stands.
    fn raise_word(&mut self, slot: u32, mode: KillMode) -> Result<(), String> {
        let now = self.maps.switches.kill_mode(slot).map_err(|error| error.to_string())?;
        match (now, mode) {
            (KillMode::Terminate, _) | (_, KillMode::Run) | (KillMode::Freeze, KillMode::Freeze) => Ok(()),
            (KillMode::Run | KillMode::Freeze, KillMode::Freeze | KillMode::Terminate) => {
                self.maps.switches.set_kill_mode(slot, mode).map_err(|error| error.to_string())
            }
        }
    }

    fn lift(&mut self, slots: &[u32], agent: Option<String>) -> Result<(), String> {
        Halted::open(&self.pins)
            .and_then(|mut halted| halted.lift(agent.as_deref().map(str::as_bytes)))
            .map_err(|error| error.to_string())?;
        for slot in slots {
            self.maps.switches.set_kill_mode(*slot, KillMode::Run).map_err(|error| error.to_string())?;
        }
        let mut outcome = Ok(());
        for cgroup in self.cgroups_of(slots) {
            outcome = outcome.and(unless_gone(cgroup.freeze(false)).map_err(|error| error.to_string()));
        }
        // Last: a daemon that dies before it finds the order again, and halts again.
        orders::lift(&self.paths.state, agent.as_deref())
            .map_err(|error| format!("the journal of kill orders cannot be changed: {error}"))?;
        self.read_switches();
        self.note(Input::Lifted { agent });
        outcome
    }

    /// Cgroups of instances; of all of them for everybody's slot.
    fn cgroups_of(&self, slots: &[u32]) -> Vec<AgentCgroup> {
        let all: Vec<AgentCgroup> = self.cgroups_by_id().into_values().collect();
        if slots.contains(&KILL_ALL) {
            return all;
        }
        let ids: Vec<u64> = slots
            .iter()
            .filter_map(|slot| self.registry.get(*slot))
            .map(|agent| agent.launch.cgroup)
            .collect();
        all.into_iter().filter(|cgroup| ids.contains(&cgroup.id())).collect()
    }

    fn save_surfaces(&self) -> Result<(), String> {
        let off = self.maps.switches.surfaces_off().map_err(|error| error.to_string())?;
        let names: Vec<&str> = off.iter().map(|surface| surface.name()).collect();
        saved::write(&self.paths.surfaces(), &names).map_err(|error| {
            format!(
                "the switch is set, and will not outlive a reboot: {}: {error}",
                self.paths.surfaces().display()
            )
        })
    }

    /// Tells judgement whether the ledger writes.
    pub(super) fn look_at_ledger(&mut self) {
        let ledger = self.records.state();
        if ledger != self.state.ledger {
            tracing::info!(?ledger, "the ledger's state changed");
            // No effects follow from it, so there is nothing to execute.
            let effects = engine::step(&mut self.state, Input::Ledger(ledger));
            debug_assert!(effects.is_empty());
        }
    }
}
