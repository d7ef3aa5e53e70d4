//! What verification says.

use serde::Serialize;

/// The outcome of verifying a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The ledger's name.
    pub origin: String,
    /// The key it was verified with, in verifier form.
    pub key: String,
    /// Entries that a checkpoint of that key vouches for, counted from the first one on without a fault.
    pub entries: u64,
    /// Checkpoints that were verified.
    pub checkpoints: u64,
    /// Root over those entries, base64; absent where no checkpoint was verified.
    pub root: Option<String>,
    /// What the anchor says.
    pub anchor: AnchorState,
    /// The first fault; absent when there is none.
    pub fault: Option<Fault>,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether everything is as it was signed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.fault.is_none()
    }
}

/// See [`Report::anchor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorState {
    /// The ledger holds what the anchor vouches for.
    Agrees,
    /// There is none: a cut-off end cannot be told.
    Absent,
    /// The ledger does not hold what it vouches for, or it is not the key's.
    Disagrees,
    /// A fault before its place kept it from being compared.
    Unreached,
}

/// Something that is not as it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What happened to it.
    pub kind: FaultKind,
    /// The first entry concerned; absent where no entry is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Where what tells the entries of one checkpoint apart was destroyed as well: the entries among which the
    /// fault lies. `index` is then the first of them that betrays itself, or the first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub among: Option<Among>,
    /// A sentence for a person.
    pub message: String,
}

impl Fault {
    /// A fault of exactly this entry.
    pub(super) fn entry(kind: FaultKind, index: u64, message: impl Into<String>) -> Self {
        Self { kind, index: Some(index), among: None, message: message.into() }
    }

    /// A fault of no entry.
    pub(super) fn other(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, index: None, among: None, message: message.into() }
    }
}

/// A range of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Among {
    /// The first.
    pub from: u64,
    /// One more than the last.
    pub until: u64,
}

/// Kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An entry's bytes are others.
    EntryChanged,
    /// An entry is gone, and later ones are there.
    EntryMissing,
    /// Another entry stands in its place: entries were reordered, copied, or one was taken out or put in.
    EntryMoved,
    /// An entry that no checkpoint signs.
    EntryInserted,
    /// The ledger ends too early.
    CutOff,
    /// The storage under an entry is damaged.
    EntryUnreadable,
    /// A leaf hash differs from its entry, which is as it was signed.
    LeafHash,
    /// A checkpoint was changed.
    CheckpointFalse,
    /// A checkpoint was removed.
    CheckpointMissing,
    /// The ledger was signed by another key than the one given.
    WrongKey,
    /// The anchor was changed, or vouches for something else.
    Anchor,
    /// A row of the query index was removed or added: queries are wrong.
    QueryIndex,
    /// Other rows are not what guard writes.
    Meta,
    /// The database cannot be opened or read.
    Unreadable,
}
