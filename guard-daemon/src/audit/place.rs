//! Where a ledger's files are, and who holds it open.

use std::fs;
use std::path::{Path, PathBuf};

use super::anchor::Anchor;
use super::lock;
use super::sign::PublicKey;

/// The state folder. In it: `ledger/` (database), `ledger.key`, `ledger.pub`, `ledger.anchor`,
/// `ledger.lock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    state: PathBuf,
}

impl Place {
    /// A ledger in this folder.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self { state: state.into() }
    }

    /// The folder itself.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The database's folder.
    pub fn database(&self) -> PathBuf {
        self.state.join("ledger")
    }

    /// The private key.
    pub fn key(&self) -> PathBuf {
        self.state.join("ledger.key")
    }

    /// The public key.
    pub fn public_key(&self) -> PathBuf {
        self.state.join("ledger.pub")
    }

    /// The last checkpoint, kept outside the database.
    pub fn anchor(&self) -> PathBuf {
        self.state.join("ledger.anchor")
    }

    /// Locked by who writes.
    pub(super) fn lock(&self) -> PathBuf {
        self.state.join("ledger.lock")
    }

    /// Where damaged write-ahead logs are kept before a repair.
    pub(super) fn torn(&self) -> PathBuf {
        self.state.join("ledger.torn")
    }

    /// Where a database is made, before it gets its name.
    pub(super) fn draft(&self) -> PathBuf {
        self.state.join("ledger.new")
    }

    /// What the database's folder holds.
    pub(super) fn content(&self) -> std::io::Result<Content> {
        let folder = match fs::read_dir(self.database()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Content::Nothing),
            other => other?,
        };
        let names: Vec<_> = folder.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<_>>()?;
        let manifest = names.iter().any(|name| name.as_encoded_bytes().starts_with(b"MANIFEST-"));
        Ok(match (names.is_empty(), names.iter().any(|name| name == "CURRENT"), manifest) {
            (true, ..) => Content::Nothing,
            (false, true, _) => Content::Database,
            (false, false, true) => Content::Headless,
            (false, false, false) => Content::Other,
        })
    }

    /// The process that has the ledger open for writing; 0 where it cannot be told.
    pub fn holder(&self) -> Option<u32> {
        lock::holder(self)
    }

    /// The anchor; `None` where there is none.
    pub(super) fn read_anchor(&self, key: &PublicKey) -> Option<Anchor> {
        Anchor::read(&self.anchor(), key)
    }
}

/// See [`Place::content`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// No such folder, or an empty one.
    Nothing,
    /// A database.
    Database,
    /// A database that lost its first file.
    Headless,
    /// Something that is no database.
    Other,
}
