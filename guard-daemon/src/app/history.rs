//! What the ledger's last entries say of the time before this start. Read before the ledger is opened for writing;
//! a ledger that cannot be read says nothing, and its own opening will say why.

use std::collections::HashMap;

use super::daemon::Daemon;
use super::positions::Positions;
use crate::audit::{Entry, Place, Query, Reader};
use crate::model::effect::Notice;
use crate::model::record::Record;

/// Entries looked at. At about 2 KiB each they are read in some tens of milliseconds.
const ENTRIES_MAX: usize = 4096;

/// The last entries, newest first.
pub(super) struct History(Vec<Entry>);

impl History {
    /// Reads them.
    pub(super) fn read(place: &Place) -> Self {
        let query = Query { limit: Some(ENTRIES_MAX), ..Query::default() };
        let Ok(reader) = Reader::open(place) else { return Self(Vec::new()) };
        let rows = reader.query(&query).map_while(Result::ok);
        Self(rows.filter_map(|row| row.entry().ok()).collect())
    }

    /// How far the rings were recorded in this boot.
    pub(super) fn positions(&self, boot: &str) -> Positions {
        let records = self.0.iter().filter(|entry| entry.boot == boot).map(|entry| entry.record.clone());
        Positions::recorded(boot, &records.collect::<Vec<_>>())
    }
}

impl Daemon {
    /// Knows the last refusals again, so that `why` has an answer, and how many each living instance has.
    pub(super) fn recall_refusals(&mut self, history: &History) {
        let mut counts: HashMap<u32, u64> = HashMap::new();
        for entry in history.0.iter().rev() {
            let Record::Enforce(enforce) = &entry.record else { continue };
            if enforce.verdict == guard_common::Verdict::Allow.name() {
                continue;
            }
            let owner = enforce.instance.as_ref().and_then(|instance| {
                let agent = self.registry.get(instance.slot)?;
                (agent.launch.instance == *instance).then_some(agent.launch.by.uid)
            });
            if owner.is_some() {
                *counts.entry(enforce.actor.slot).or_default() += 1;
            }
            let wall_ms = entry.wall_ns / 1_000_000;
            self.refusals.recall(Notice::of(enforce), entry.index, wall_ms, owner);
        }
        counts.into_iter().for_each(|(slot, count)| self.registry.recall_refusals(slot, count));
    }
}
