//! What can be wrong with a ledger: who is wrong, and what to do next.

use std::path::PathBuf;

use super::sign::KeyError;

/// Why the ledger cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Nothing there.
    #[error("{path}: no ledger there; guardd makes one at its first start")]
    Missing {
        /// The database's folder.
        path: PathBuf,
    },
    /// There was one, and it is gone.
    #[error(
        "{path}: the ledger is gone, and the anchor beside it says that it held {entries} entries; \
         restore it from a copy, or move the anchor away to begin a new ledger"
    )]
    Gone {
        /// The database's folder.
        path: PathBuf,
        /// Entries by the anchor's word.
        entries: u64,
    },
    /// Somebody else's files.
    #[error("{path} is not a ledger of guard: {why}; nothing was changed there; give guard another folder")]
    Foreign {
        /// The database's folder.
        path: PathBuf,
        /// What gives it away.
        why: String,
    },
    /// Signed by another key.
    #[error(
        "{path}: this ledger belongs to another key: {why}; nothing was changed; \
         restore the ledger's own key, or move the ledger away to begin a new one"
    )]
    OtherKey {
        /// The database's folder.
        path: PathBuf,
        /// Whose it is.
        why: String,
    },
    /// A ledger without its key.
    #[error(
        "{key}: the private key is gone, and the ledger beside it was signed with it; \
         restore the key from a copy, or move the ledger away to begin a new one"
    )]
    KeyLost {
        /// The key's file.
        key: PathBuf,
    },
    /// The key itself.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Another daemon has it.
    #[error("{path}: another daemon holds this ledger{}; stop it first", held_by(*.holder))]
    Locked {
        /// The database's folder.
        path: PathBuf,
        /// Its process id, where known.
        holder: Option<u32>,
    },
    /// It is not what was signed.
    #[error("{path}: the ledger is not what guard wrote: {why}; `guard audit verify` tells more")]
    Tampered {
        /// The database's folder.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The database is damaged.
    #[error(
        "{path}: the database is damaged: {why}; nothing was changed; \
         `guard audit verify` tells more, and a copy can be restored"
    )]
    Corrupt {
        /// The database's folder.
        path: PathBuf,
        /// What RocksDB said.
        why: String,
    },
    /// No room.
    #[error(
        "{path}: no space left to write the ledger ({why}); make room: a daemon that runs goes on by itself, one that does not can start"
    )]
    Full {
        /// The database's folder.
        path: PathBuf,
        /// What the operating system said.
        why: String,
    },
    /// The operating system refused.
    #[error("{path}: {why}")]
    Io {
        /// The database's folder.
        path: PathBuf,
        /// What was said.
        why: String,
    },
    /// The ledger has no index left.
    #[error("{path}: the ledger holds 2^53 entries, and no more can be numbered; begin a new one")]
    Exhausted {
        /// The database's folder.
        path: PathBuf,
    },
}

fn held_by(holder: Option<u32>) -> String {
    holder.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
