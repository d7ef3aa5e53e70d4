//! The ledger: append-only, one group commit at a time. Only this file makes a [`Recorded`], and only once the
//! store has taken the entry.
//!
//! When the store fails, the ledger says so and keeps what it acknowledged; the caller keeps the records it
//! handed in, and hands them in again. Whether a failed batch reached the disk after all is unknown until the
//! database opens again; if it did, the same records are recognised and not written twice.

use std::path::{Path, PathBuf};

use super::anchor::AnchorWriter;
use super::batch::{self, Batch};
use super::checkpoint::Checkpoint;
use super::entry::{ENTRIES_MAX, Host, Stamp};
use super::error::LedgerError;
use super::lock::WriterLock;
use super::open::{self, Opened, Tip};
use super::place::Place;
use super::sign::{LedgerKey, PublicKey};
use super::store::{Store, io_error};
use super::tree::Frontier;
use crate::clock;
use crate::model::effect::Durability;
use crate::model::record::Record;

/// A record on its way into the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// What is recorded.
    pub record: Record,
    /// What it must survive.
    pub durability: Durability,
}

impl Pending {
    /// A record that must be on disk before anything goes on.
    pub fn durable(record: Record) -> Self {
        Self { record, durability: Durability::Durable }
    }

    /// A record of something that went on already.
    pub fn routine(record: Record) -> Self {
        Self { record, durability: Durability::Routine }
    }
}

/// Proof that something stands in the ledger. What may not happen unrecorded asks for one.
#[derive(Debug, PartialEq)]
pub struct Recorded<T> {
    entry: T,
    index: u64,
    durability: Durability,
}

impl<T> Recorded<T> {
    /// What was recorded.
    pub fn entry(&self) -> &T {
        &self.entry
    }

    /// Where it stands.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Whether it survives a power cut from now on.
    pub fn is_durable(&self) -> bool {
        self.durability == Durability::Durable
    }
}

/// A batch that was not taken: the records come back with the reason. Nothing acknowledged is lost by it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// The records, to be appended again.
    pub pending: Vec<Pending>,
    /// Why.
    pub error: LedgerError,
}

/// Whether the ledger takes records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Writing,
    /// It does not, or not safely.
    Degraded {
        /// Why, and what to do.
        reason: String,
    },
}

/// An open ledger. Its calls block on the disk.
pub struct Ledger {
    place: Place,
    key: LedgerKey,
    host: Host,
    boot: String,
    /// `None` after a failure: RocksDB refuses everything after one until it is opened again.
    store: Option<Store>,
    tree: Frontier,
    checkpoint: Checkpoint,
    anchor: AnchorWriter,
    health: Health,
    unsynced: bool,
    doubt: Option<Doubt>,
    torn: Option<PathBuf>,
    /// Last, so that it is given back only once the store is closed.
    _lock: WriterLock,
}

/// A batch whose write failed: it may be on disk, or not.
struct Doubt {
    first: u64,
    checkpoint: Checkpoint,
    records: Vec<Record>,
    /// Set once the database was opened again and held it.
    is_in: bool,
}

impl Ledger {
    /// Opens the ledger; makes it and its key at the first start.
    pub fn open(place: &Place, host: Host) -> Result<Self, LedgerError> {
        let Opened { lock, key, store, tip: Tip { tree, checkpoint }, torn } = open::take_up(place)?;
        let mut ledger = Self {
            anchor: AnchorWriter::new(place.anchor()),
            boot: boot_id(place)?,
            place: place.clone(),
            _lock: lock,
            key,
            host,
            store: Some(store),
            tree,
            checkpoint,
            health: Health::Writing,
            unsynced: false,
            doubt: None,
            torn,
        };
        // The recovery that opening is has put everything into tables on disk.
        ledger.write_anchor();
        Ok(ledger)
    }

    /// From now on entries name this policy generation.
    pub fn set_generation(&mut self, generation: u64) {
        self.host.generation = generation;
    }

    /// Appends records as one batch, all or none, under one checkpoint or more. If one of them must be durable,
    /// all are when this returns.
    pub fn append(&mut self, pending: Vec<Pending>) -> Result<Vec<Recorded<Record>>, Refused> {
        match self.try_append(&pending) {
            Ok((first, durability)) => Ok(pending
                .into_iter()
                .zip(first..)
                .map(|(pending, index)| Recorded { entry: pending.record, index, durability })
                .collect()),
            Err(error) => {
                self.degrade(&error);
                Err(Refused { pending, error })
            }
        }
    }

    /// To be called about once a second: puts routine entries on disk, moves the anchor, and opens the database
    /// again after a failure.
    pub fn tick(&mut self) {
        if let Err(error) = self.try_tick() {
            self.degrade(&error);
        }
    }

    /// Whether it takes records.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Entries so far.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The key that signs.
    pub fn public_key(&self) -> &PublicKey {
        self.key.public()
    }

    /// Where the damaged end of a write-ahead log was copied to when the ledger was opened, if one was found:
    /// the machine or the daemon ended in the middle of a write, or somebody cut it there.
    pub fn torn(&self) -> Option<&Path> {
        self.torn.as_deref()
    }

    fn try_append(&mut self, pending: &[Pending]) -> Result<(u64, Durability), LedgerError> {
        self.reopen()?;
        let (first, settled) = self.settle(pending);
        let rest = &pending[settled..];
        if rest.is_empty() {
            // Opening again put them into tables on disk.
            return Ok((first, Durability::Durable));
        }
        if ENTRIES_MAX - self.tree.size() < rest.len() as u64 {
            return Err(LedgerError::Exhausted { path: self.place.database() });
        }
        let durable = rest.iter().any(|pending| pending.durability == Durability::Durable);
        let batch = batch::build(&self.tree, rest, &Stamp::now(&self.boot), &self.host, &self.key);
        self.write(batch, rest, durable)?;
        Ok((first, if durable { Durability::Durable } else { Durability::Routine }))
    }

    fn write(&mut self, batch: Batch, pending: &[Pending], sync: bool) -> Result<(), LedgerError> {
        let Batch { rows, tree, checkpoint } = batch;
        let store = self.store.as_ref().expect("a batch is built only over an open store");
        if let Err(error) = store.write(&rows, sync) {
            let records = pending.iter().map(|pending| pending.record.clone()).collect();
            self.doubt = Some(Doubt { first: self.tree.size(), checkpoint, records, is_in: false });
            self.store = None;
            return Err(error);
        }
        (self.tree, self.checkpoint) = (tree, checkpoint);
        self.unsynced = !sync;
        if !self.anchor.is_failing() {
            self.health = Health::Writing;
        }
        if sync && self.anchor.is_due() {
            self.write_anchor();
        }
        Ok(())
    }

    /// How many of the records at the head of `pending` a failed batch brought in after all, and where the
    /// first of `pending` stands or will stand.
    fn settle(&mut self, pending: &[Pending]) -> (u64, usize) {
        let Some(doubt) = self.doubt.take().filter(|doubt| doubt.is_in) else { return (self.tree.size(), 0) };
        let known = doubt.records.len();
        let heads = pending.iter().take(known).map(|pending| &pending.record);
        if pending.len() >= known && heads.eq(&doubt.records) {
            (doubt.first, known)
        } else {
            (self.tree.size(), 0)
        }
    }

    /// Opens the database again after a failure; refuses one that lost what was acknowledged.
    fn reopen(&mut self) -> Result<(), LedgerError> {
        if self.store.is_some() {
            return Ok(());
        }
        let store = Store::open(&self.place)?;
        let Tip { tree, checkpoint } = open::tip(&store, &self.place, self.key.public())?;
        let came_in = self.doubt.as_ref().is_some_and(|doubt| doubt.checkpoint == checkpoint);
        if !came_in && checkpoint != self.checkpoint {
            let (found, own) = (checkpoint.size(), self.checkpoint.size());
            let why = format!("it held {own} entries, and after a failure it holds {found}");
            return Err(LedgerError::Tampered { path: self.place.database(), why });
        }
        self.doubt = self.doubt.take().filter(|_| came_in).map(|doubt| Doubt { is_in: true, ..doubt });
        (self.tree, self.checkpoint, self.store) = (tree, checkpoint, Some(store));
        self.unsynced = false;
        Ok(())
    }

    fn try_tick(&mut self) -> Result<(), LedgerError> {
        self.reopen()?;
        let was_degraded = self.health != Health::Writing;
        let store = self.store.as_ref().expect("it was just opened");
        let done = match (was_degraded, self.unsynced) {
            // The same bytes again: only a write shows that there is room.
            (true, _) => store.write(&batch::frontier(&self.tree), true),
            (false, true) => store.sync(),
            (false, false) => Ok(()),
        };
        if let Err(error) = done {
            self.store = None;
            return Err(error);
        }
        (self.unsynced, self.health) = (false, Health::Writing);
        self.write_anchor();
        Ok(())
    }

    /// An anchor that cannot be written costs no entry: the ledger goes on, and says so.
    fn write_anchor(&mut self) {
        if let Err(error) = self.anchor.write(&self.checkpoint) {
            let path = self.place.anchor();
            let reason =
                format!("{}: the anchor cannot be written: {error}; make room there", path.display());
            self.health = Health::Degraded { reason };
        }
    }

    fn degrade(&mut self, error: &LedgerError) {
        self.health = Health::Degraded { reason: error.to_string() };
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let Some(store) = &self.store else { return };
        match store.sync().and_then(|()| store.flush()) {
            Ok(()) => self.write_anchor(),
            Err(error) => tracing::error!("while closing the ledger: {error}"),
        }
    }
}

fn boot_id(place: &Place) -> Result<String, LedgerError> {
    clock::boot_id().map_err(|error| io_error(&place.database(), &error))
}
