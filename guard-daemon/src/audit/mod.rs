//! The ledger: all records, append-only, under signed checkpoints.
//!
//! [`Ledger`] writes, [`Reader`] answers queries, [`verify()`] tells whether everything is as it was signed. An
//! entry is canonical JSON and a leaf of an RFC 6962 tree; every batch ends in a checkpoint, a C2SP signed note.
//! [`verify()`]'s module says what an attacker can and cannot hide.
//!
//! The form leaves room for what is derived from the same leaves and signatures: envelopes inside entries,
//! proofs, tiles, witnesses' signatures under the notes, pruned entries whose leaf hashes stay.

mod anchor;
mod batch;
mod canonical;
mod checkpoint;
mod entry;
mod error;
mod ledger;
mod lock;
mod open;
mod place;
mod query;
mod report;
mod sign;
mod store;
mod terms;
#[cfg(test)]
mod tests;
mod tree;
mod verify;
mod wal;
mod walk;

pub use batch::CHECKPOINT_EVERY;
pub use checkpoint::{Checkpoint, NoteError};
pub use entry::{ENTRIES_MAX, Entry, Host, VERSION};
pub use error::LedgerError;
pub use ledger::{Health, Ledger, Pending, Recorded, Refused};
pub use place::Place;
pub use query::{Order, Query, Reader, Row};
pub use report::{Among, AnchorState, Fault, FaultKind, Report};
pub use sign::{KeyError, LedgerKey, PublicKey};
pub use tree::Hash;
pub use verify::verify;
