//! What the daemon tells of itself.

use guard_common::fault::Fault;
use guard_common::map::switch::{KILL_ALL, KillMode};

use super::adopt::stray;
use super::daemon::Daemon;
use crate::control::wire::Status;
use crate::kernel::{Counts, FaultCount, memory};
use crate::model::record::Policy;
use crate::model::state::LedgerState;

impl Daemon {
    /// The daemon's state. `short`: without what concerns operators alone.
    pub(super) fn status(&self, short: bool) -> Status {
        let switches = &self.maps.switches;
        let counts = self.maps.counts().unwrap_or_default();
        let sum = |column: fn(&Counts) -> u64| counts.iter().map(column).sum();
        let missing = self.what_is_missing();
        let ledger = self.records.ledger();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            enforcing: missing.is_empty(),
            missing,
            policy: if short { brief(&self.policy.record) } else { self.policy.record.clone() },
            surfaces_off: names(
                switches.surfaces_off().unwrap_or_default().iter().map(|surface| surface.name()),
            ),
            kill: switches.kill_mode(KILL_ALL).unwrap_or(KillMode::Run).name().to_owned(),
            killed_agents: if short { Vec::new() } else { self.state.orders.agents() },
            agents_alive: u32::try_from(self.registry.alive().count()).unwrap_or(u32::MAX),
            ledger_entries: ledger.size(),
            ledger_key: ledger.public_key().raw_hex(),
            ledger_error: match &self.state.ledger {
                LedgerState::Writes => None,
                LedgerState::Unknown => Some("not tried yet".to_owned()),
                LedgerState::Degraded(why) => Some(why.clone()),
            },
            allowed: sum(|count| count.allowed),
            denied: sum(|count| count.denied),
            lost: sum(|count| count.lost),
            kernel_memory_bytes: memory::held(&self.pins),
            faults: if short { Vec::new() } else { self.faults() },
        }
    }

    /// What is not in force, each in one sentence.
    pub(super) fn what_is_missing(&self) -> Vec<String> {
        let mut missing = self.missing.clone();
        missing.extend(self.pins.missing_links().iter().map(|link| {
            format!("program {link} is not attached any more; `systemctl restart guardd` mends it")
        }));
        missing.extend(
            self.pins
                .missing_maps()
                .iter()
                .map(|map| format!("map {map} is not pinned any more; restart guardd")),
        );
        missing.extend(self.policy.amiss.iter().cloned());
        missing.extend(self.journal_error.clone());
        missing.extend(self.enrol_error.clone());
        missing.extend(self.hearing_error.clone());
        missing.extend(self.strays.iter().map(stray));
        missing
    }

    fn faults(&self) -> Vec<(String, u64)> {
        let faults = self.maps.faults().unwrap_or_default();
        let named = |row: &FaultCount| {
            let place = Fault::from_raw(row.fault).map_or("unknown", |fault| fault.name());
            format!("{place}:{}", row.errno)
        };
        faults.iter().map(|row| (named(row), row.count)).collect()
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(str::to_owned).collect()
}

/// Which policy is in force, and not who put it there.
fn brief(policy: &Policy) -> Policy {
    Policy { unresolved: Vec::new(), notes: Vec::new(), by: None, ..policy.clone() }
}

/// Notes down what is amiss now, and says it where it is not what was `told`: what fails is tried again each second.
pub(super) fn tell_once(told: &mut Option<String>, now: Option<String>) {
    if let Some(now) = now.as_ref().filter(|now| told.as_ref() != Some(now)) {
        tracing::error!("{now}");
    }
    *told = now;
}
