//! The daemon's side of the ledger: records that must be kept wait for it, orders that must be recorded first do
//! not happen without it.

use crate::audit::{Health, Ledger, Pending, Recorded};
use crate::model::record::Record;
use crate::model::state::LedgerState;

/// Records that wait for a ledger that cannot write. Beyond it the rings are left to fill: what does not fit
/// there is known by its numbers. 8,192 records * about 2 KiB = 16 MiB.
pub(super) const WAITING_MAX: usize = 8192;

/// The ledger, and what it owes.
pub(super) struct Records {
    ledger: Ledger,
    waiting: Vec<Pending>,
}

impl Records {
    /// Begins with an open ledger.
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, waiting: Vec::new() }
    }

    /// Keeps records of what has happened already: now, or when the ledger writes again. Gives the position of
    /// each that stands now.
    pub(super) fn keep(&mut self, records: Vec<Pending>) -> Vec<Option<u64>> {
        let (before, count) = (self.waiting.len(), records.len());
        self.waiting.extend(records);
        match self.write_waiting() {
            Ok(recorded) => recorded.iter().skip(before).map(|one| Some(one.index())).collect(),
            Err(error) => {
                tracing::error!(waiting = self.waiting.len(), "the ledger cannot write: {error}");
                vec![None; count]
            }
        }
    }

    /// Records what may only happen once it is recorded. The proof goes to whoever makes it happen.
    pub(super) fn require(&mut self, record: Record) -> Result<Recorded<Record>, String> {
        self.write_waiting()?;
        let mut recorded =
            self.ledger.append(vec![Pending::durable(record)]).map_err(|refused| refused.to_string())?;
        recorded.pop().ok_or_else(|| "the ledger took the record and gave no proof of it".to_owned())
    }

    /// Once a second: what was routine goes to the disk, and a ledger that failed is tried again.
    pub(super) fn tick(&mut self) {
        self.ledger.tick();
        if let Err(error) = self.write_waiting() {
            tracing::debug!(waiting = self.waiting.len(), "the ledger still cannot write: {error}");
        }
    }

    /// Whether more records can wait.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    /// Whether it writes, as judgement sees it.
    pub(super) fn state(&self) -> LedgerState {
        match self.ledger.health() {
            Health::Writing => LedgerState::Writes,
            Health::Degraded { reason } => LedgerState::Degraded(reason.clone()),
        }
    }

    /// The ledger itself, for what it tells of itself.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// From now on entries name this policy generation.
    pub(super) fn set_generation(&mut self, generation: u64) {
        self.ledger.set_generation(generation);
    }

    fn write_waiting(&mut self) -> Result<Vec<Recorded<Record>>, String> {
        if self.waiting.is_empty() {
            return Ok(Vec::new());
        }
        self.ledger.append(std::mem::take(&mut self.waiting)).map_err(|refused| {
            let message = refused.to_string();
            self.waiting = refused.pending;
            message
        })
    }
}
