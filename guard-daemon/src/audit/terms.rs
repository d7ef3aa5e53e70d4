//! Terms: what a query can look entries up by. A row of the index is `kind, length of the text, text, entry's
//! index`, without a value; rows follow from the entries' bytes alone, so that verification can tell a row that
//! somebody took away to hide an entry from queries.
//!
//! Words that most entries carry (`allow`, `edge_allows`, `enforce`) are not indexed: looking them up would
//! read the whole ledger all the same.

use std::hash::{BuildHasher, RandomState};

use super::entry::Head;

/// What a term is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Agent = b'a',
    Reason = b'r',
    Stage = b's',
    Verdict = b'v',
}

impl Kind {
    /// The word of this kind that is too common for the index.
    fn bulk(self) -> Option<&'static str> {
        match self {
            Self::Agent => None,
            Self::Reason => Some("edge_allows"),
            Self::Stage => Some("enforce"),
            Self::Verdict => Some("allow"),
        }
    }
}

/// What all rows of a term begin with; `None` for one that is not indexed.
pub(super) fn prefix(kind: Kind, text: &str) -> Option<Vec<u8>> {
    if kind.bulk() == Some(text) {
        return None;
    }
    // Longer texts share a prefix: the reader compares the entry itself as well.
    let text = &text.as_bytes()[..text.len().min(usize::from(u8::MAX))];
    let mut prefix = Vec::with_capacity(2 + text.len() + 8);
    prefix.push(kind as u8);
    prefix.push(text.len() as u8);
    prefix.extend(text);
    Some(prefix)
}

/// Every row that an entry has.
pub(super) fn rows(head: &Head<'_>) -> impl Iterator<Item = Vec<u8>> {
    let record = &head.record;
    let terms = [
        (Kind::Agent, head.agent()),
        (Kind::Reason, record.reason.as_deref()),
        (Kind::Stage, Some(&*record.stage)),
        (Kind::Verdict, record.verdict.as_deref()),
    ];
    let index = head.index.to_be_bytes();
    terms.into_iter().filter_map(|(kind, text)| prefix(kind, text?)).map(move |mut row| {
        row.extend(index);
        row
    })
}

/// The entry that a row belongs to.
pub(super) fn index_of(row: &[u8]) -> Option<u64> {
    row.last_chunk().map(|index| u64::from_be_bytes(*index))
}

/// A sum over rows that does not depend on their order. Two sums are equal if and only if the rows are, up to a
/// chance of 2^-64: the hash is keyed anew each time, so nobody can prepare rows that cancel out.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    keys: RandomState,
    sum: u64,
    rows: u64,
}

impl Tally {
    /// An empty tally that can be compared with this one.
    pub(super) fn fresh(&self) -> Self {
        Self { keys: self.keys.clone(), sum: 0, rows: 0 }
    }

    pub(super) fn add(&mut self, row: &[u8]) {
        self.sum = self.sum.wrapping_add(self.keys.hash_one(row));
        self.rows += 1;
    }

    pub(super) fn equals(&self, other: &Self) -> bool {
        (self.sum, self.rows) == (other.sum, other.rows)
    }
}
