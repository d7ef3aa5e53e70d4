//! The anchor: the last checkpoint once more, in a file outside the database, so that a database that was set
//! back or cut off is missed. It is written after the entries under it are on disk, never before.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::checkpoint::{Checkpoint, NoteError};
use super::sign::PublicKey;
use crate::disk;

/// The anchor lags behind the ledger by no more than this and one call of [`super::Ledger::tick`].
const LAG_MAX: Duration = Duration::from_secs(1);

/// What the anchor's file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// A checkpoint of this ledger.
    Good(Checkpoint),
    /// Something else.
    Bad(NoteError),
    /// It is there and cannot be read.
    Unreadable(String),
}

impl Anchor {
    /// Reads the file; `None` where there is none.
    pub(super) fn read(path: &Path, key: &PublicKey) -> Option<Self> {
        match std::fs::read(path) {
            Ok(note) => Some(match Checkpoint::parse(&note, key) {
                Ok(checkpoint) => Self::Good(checkpoint),
                Err(error) => Self::Bad(error),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(Self::Unreadable(error.to_string())),
        }
    }
}

/// Keeps the file behind the ledger.
#[derive(Debug)]
pub(super) struct AnchorWriter {
    path: PathBuf,
    size: Option<u64>,
    at: Instant,
    failing: bool,
}

impl AnchorWriter {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, size: None, at: Instant::now(), failing: false }
    }

    /// Whether it lags longer than it may.
    pub(super) fn is_due(&self) -> bool {
        self.at.elapsed() >= LAG_MAX
    }

    /// Writes a checkpoint whose entries are on disk.
    pub(super) fn write(&mut self, checkpoint: &Checkpoint) -> std::io::Result<()> {
        if self.size == Some(checkpoint.size()) {
            return Ok(());
        }
        self.at = Instant::now();
        let written = disk::replace(&self.path, 0o644, checkpoint.note().as_bytes());
        self.failing = written.is_err();
        self.size = written.is_ok().then_some(checkpoint.size());
        written
    }

    /// Whether the last write failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing
    }
}
