//! One pass over a ledger from its first entry: hashes every entry, holds the tree against each checkpoint, and
//! where they differ finds the first entry that is not what was signed.
//!
//! The root of a checkpoint says that something under it is wrong, not what. The stored leaf hashes say what,
//! once they themselves add up to that signed root: then they are the hashes that were signed, and the first
//! entry with another hash is the first one changed. Where the leaf hashes were changed too, only what an entry
//! says of itself is left, and the fault is known to lie among the entries of that one checkpoint.

use std::iter::Peekable;

use super::checkpoint::{Checkpoint, NoteError};
use super::entry::Head;
use super::error::LedgerError;
use super::report::{Among, Fault, FaultKind};
use super::sign::PublicKey;
use super::store::{Family, Row, Store};
use super::terms;
use super::tree::{Frontier, Hash, leaf_hash};

/// Entries that are held in memory while no good checkpoint covers them: 65,536 * 120 B = 8 MiB.
const UNCOVERED_MAX: usize = 65_536;

/// What one position held.
enum Seen {
    Entry { hash: Hash, said: Option<Said> },
    Missing,
    Unreadable(String),
}

/// What an entry says of itself.
#[derive(Clone, Copy)]
struct Said {
    index: u64,
    checkpoint: u64,
}

/// One position under the next checkpoint: what stands there, its stored leaf hash, and the size of the
/// checkpoint row that follows it.
struct Position {
    seen: Seen,
    leaf: Option<Hash>,
    covered_by: u64,
}

/// The pass.
pub(super) struct Walk<'a, F> {
    store: &'a Store,
    key: &'a PublicKey,
    /// The tree under the last good checkpoint.
    tree: Frontier,
    good: Option<Checkpoint>,
    checkpoints: u64,
    /// Positions that no good checkpoint covers yet.
    uncovered: Vec<Position>,
    entries: Rows<'a>,
    leaves: Rows<'a>,
    /// The first fault of something else than an entry.
    aside: Option<Fault>,
    /// Told of every good checkpoint.
    on_checkpoint: F,
    tally: terms::Tally,
}

/// What the pass found.
pub(super) struct Walked {
    pub(super) tree: Frontier,
    pub(super) good: Option<Checkpoint>,
    pub(super) checkpoints: u64,
    /// A fault that ended the pass.
    pub(super) fault: Option<Fault>,
    /// A fault that did not: no entry is concerned.
    pub(super) aside: Option<Fault>,
    /// The rows that the query index should have.
    pub(super) tally: terms::Tally,
}

impl<'a, F: FnMut(&Checkpoint)> Walk<'a, F> {
    pub(super) fn new(store: &'a Store, key: &'a PublicKey, on_checkpoint: F) -> Self {
        Self {
            store,
            key,
            tree: Frontier::default(),
            good: None,
            checkpoints: 0,
            uncovered: Vec::new(),
            entries: Rows::new(store, Family::Entries),
            leaves: Rows::new(store, Family::Leaves),
            aside: None,
            on_checkpoint,
            tally: terms::Tally::default(),
        }
    }

    /// Walks to the end, or to the first fault of an entry.
    pub(super) fn run(mut self) -> Walked {
        let fault = self.walk().err();
        let Self { tree, good, checkpoints, aside, tally, .. } = self;
        Walked { tree, good, checkpoints, fault, aside, tally }
    }

    fn walk(&mut self) -> Result<(), Fault> {
        let mut checkpoints = Rows::new(self.store, Family::Checkpoints);
        while let Some(row) = checkpoints.next() {
            match row {
                Ok((size, note)) => self.checkpoint(size, &note)?,
                Err(why) => {
                    let message = format!("the checkpoints cannot be read any further: {why}");
                    self.aside(Fault::entry(FaultKind::Unreadable, self.next_index(), message));
                }
            }
        }
        if self.good.is_none() && self.aside.is_none() {
            return Err(Fault::other(FaultKind::CheckpointMissing, "the ledger has no checkpoint"));
        }
        self.rest(checkpoints.odd)
    }

    /// One row of the checkpoints.
    fn checkpoint(&mut self, size: u64, note: &[u8]) -> Result<(), Fault> {
        let first = self.checkpoints == 0 && self.aside.is_none();
        if first && size != 0 {
            let message = "the first checkpoint, of the empty ledger, is missing";
            self.aside(Fault::other(FaultKind::CheckpointMissing, message));
        }
        self.gather(size);
        match Checkpoint::parse(note, self.key) {
            Ok(checkpoint) if checkpoint.size() == size => self.close(checkpoint),
            Ok(other) => {
                let message =
                    format!("the checkpoint of {} entries stands where that of {size} was", other.size());
                self.doubt(size, message)
            }
            Err(error @ NoteError::OtherKey { .. }) if first => {
                Err(Fault::other(FaultKind::WrongKey, format!("the ledger is another key's: {error}")))
            }
            Err(error) => self.doubt(size, format!("the checkpoint of {size} entries was changed: {error}")),
        }
    }

    /// Reads every position up to a size.
    fn gather(&mut self, size: u64) {
        while self.next_index() < size && self.uncovered.len() < UNCOVERED_MAX {
            let index = self.next_index();
            let seen = match self.entries.at(index) {
                None => Seen::Missing,
                Some(Err(why)) => Seen::Unreadable(why),
                Some(Ok(bytes)) => {
                    let head = Head::parse(&bytes).ok();
                    let said = head.as_ref().map(|Head { index, checkpoint, .. }| Said {
                        index: *index,
                        checkpoint: *checkpoint,
                    });
                    head.iter().flat_map(terms::rows).for_each(|row| self.tally.add(&row));
                    Seen::Entry { hash: leaf_hash(&bytes), said }
                }
            };
            let leaf = self.leaves.at(index).and_then(Result::ok).and_then(|leaf| (*leaf).try_into().ok());
            self.uncovered.push(Position { seen, leaf, covered_by: size });
        }
    }

    /// A checkpoint that cannot be believed: the next one has to cover its entries too.
    fn doubt(&mut self, size: u64, message: String) -> Result<(), Fault> {
        let first =
            self.uncovered.iter().position(|position| position.covered_by == size).unwrap_or(0) as u64;
        let fault = Fault::entry(FaultKind::CheckpointFalse, self.tree.size() + first, message);
        if self.uncovered.len() >= UNCOVERED_MAX {
            return Err(self.aside.take().unwrap_or(fault));
        }
        self.aside(fault);
        Ok(())
    }

    /// A checkpoint that is signed: what stands under it must add up to its root.
    fn close(&mut self, checkpoint: Checkpoint) -> Result<(), Fault> {
        let from = self.tree.size();
        let hashes = self.uncovered.iter().map(|position| match &position.seen {
            Seen::Entry { hash, .. } => Some(*hash),
            Seen::Missing | Seen::Unreadable(_) => None,
        });
        let tree = grow(&self.tree, hashes).filter(|tree| fits(tree, &checkpoint));
        let Some(tree) = tree else { return Err(self.find(&checkpoint)) };
        for (index, position) in (from..).zip(std::mem::take(&mut self.uncovered)) {
            self.check_beside(index, &position);
        }
        (self.on_checkpoint)(&checkpoint);
        self.tree = tree;
        self.checkpoints += 1;
        self.good = Some(checkpoint);
        Ok(())
    }

    /// What stands beside an entry that is as it was signed.
    fn check_beside(&mut self, index: u64, position: &Position) {
        let Seen::Entry { hash, said } = &position.seen else { return };
        if position.leaf != Some(*hash) {
            let message =
                format!("the stored hash of entry {index} was changed; the entry is as it was signed");
            self.aside(Fault::entry(FaultKind::LeafHash, index, message));
        }
        if let Some(said) = said.filter(|said| said.checkpoint != position.covered_by) {
            let message = format!("the checkpoint of {} entries was removed", said.checkpoint);
            self.aside(Fault::entry(FaultKind::CheckpointMissing, index, message));
        }
    }

    /// Names the first entry under a checkpoint that is not what was signed.
    fn find(&mut self, checkpoint: &Checkpoint) -> Fault {
        let (from, until) = (self.tree.size(), checkpoint.size());
        let nothing_follows = self.entries.peek().is_none();
        let leaves = self.uncovered.iter().map(|position| position.leaf);
        let signed = grow(&self.tree, leaves).is_some_and(|tree| fits(&tree, checkpoint));
        let single = until.saturating_sub(from) == 1;
        let betrays = |(index, position): &(u64, &Position)| match &position.seen {
            Seen::Missing | Seen::Unreadable(_) => true,
            Seen::Entry { hash, .. } if signed || single => position.leaf != Some(*hash) || single,
            Seen::Entry { hash, said } => {
                position.leaf != Some(*hash)
                    || said.is_none_or(|said| said.index != *index || said.checkpoint != position.covered_by)
            }
        };
        let found = (from..).zip(&self.uncovered).find(betrays);
        let index = found.as_ref().map_or(from, |(index, _)| *index);
        let after = self.uncovered.iter().skip((index - from) as usize);
        let ends = after.clone().all(|position| matches!(position.seen, Seen::Missing)) && nothing_follows;
        let (kind, mut message) = tell(index, found.map(|(_, position)| position), ends);
        let among = (!signed && !single).then_some(Among { from, until });
        if let Some(Among { from, until }) = among {
            message += &format!(
                "; its hashes were changed too, so that only this is certain: what was signed is not what stands \
                 at {from} to {}",
                until - 1
            );
        }
        Fault { kind, index: Some(index), among, message }
    }

    /// What follows the last checkpoint, and rows that are none of ours.
    fn rest(&mut self, odd_checkpoint: bool) -> Result<(), Fault> {
        let size = self.next_index();
        if let Some(next) = self.entries.peek() {
            let message = match next {
                Ok(index) => format!("entry {index} stands there, and no checkpoint signs it"),
                Err(why) => format!("what follows entry {} cannot be read: {why}", size.saturating_sub(1)),
            };
            return Err(Fault::entry(FaultKind::EntryInserted, size, message));
        }
        if self.leaves.peek().is_some() {
            let message = format!("hashes are stored for entries from {size} on, which do not exist");
            self.aside(Fault::entry(FaultKind::LeafHash, size, message));
        }
        if odd_checkpoint || self.entries.odd || self.leaves.odd {
            self.aside(Fault::other(FaultKind::Meta, "there are rows whose keys guard does not write"));
        }
        Ok(())
    }

    fn next_index(&self) -> u64 {
        self.tree.size() + self.uncovered.len() as u64
    }

    fn aside(&mut self, fault: Fault) {
        self.aside.get_or_insert(fault);
    }
}

/// What happened to a position, in a word and a sentence. `ends`: nothing stands there or after it.
fn tell(index: u64, position: Option<&Position>, ends: bool) -> (FaultKind, String) {
    match position.map(|position| &position.seen) {
        Some(Seen::Missing) if ends => {
            (FaultKind::CutOff, format!("the ledger is cut off: entry {index} and all after it are missing"))
        }
        Some(Seen::Missing) => (FaultKind::EntryMissing, format!("entry {index} is missing")),
        Some(Seen::Unreadable(why)) => {
            (FaultKind::EntryUnreadable, format!("entry {index} cannot be read: {why}"))
        }
        Some(Seen::Entry { said: Some(Said { index: other, .. }), .. }) if *other != index => (
            FaultKind::EntryMoved,
            format!("entry {other} stands where entry {index} was: entries were moved, copied or removed"),
        ),
        Some(Seen::Entry { .. }) | None => {
            (FaultKind::EntryChanged, format!("entry {index} was changed after it was signed"))
        }
    }
}

fn fits(tree: &Frontier, checkpoint: &Checkpoint) -> bool {
    tree.size() == checkpoint.size() && tree.root() == *checkpoint.root()
}

/// The tree with these leaves more; `None` where one is unknown.
fn grow(tree: &Frontier, leaves: impl Iterator<Item = Option<Hash>>) -> Option<Frontier> {
    let mut tree = tree.clone();
    for leaf in leaves {
        tree.push(leaf?);
    }
    Some(tree)
}

/// A position and what stands there.
type Placed = (u64, Box<[u8]>);

/// Rows of a family keyed by position, in order.
struct Rows<'a> {
    rows: Peekable<Box<dyn Iterator<Item = Result<Row, LedgerError>> + 'a>>,
    /// Whether a key was met that is no position.
    odd: bool,
}

impl<'a> Rows<'a> {
    fn new(store: &'a Store, family: Family) -> Self {
        let rows: Box<dyn Iterator<Item = _>> = Box::new(store.rows_from(family, &[]));
        Self { rows: rows.peekable(), odd: false }
    }

    /// The value at a position; `None` where there is none. Positions are asked for in ascending order.
    fn at(&mut self, index: u64) -> Option<Result<Box<[u8]>, String>> {
        match self.peek()? {
            Ok(found) if found == index => self.next().map(|row| row.map(|(_, value)| value)),
            Ok(_) => None,
            Err(why) => Some(Err(why)),
        }
    }

    /// The next row's position; stays there.
    fn peek(&mut self) -> Option<Result<u64, String>> {
        loop {
            match self.rows.peek()? {
                Err(error) => return Some(Err(error.to_string())),
                Ok((key, _)) => match <[u8; 8]>::try_from(&**key) {
                    Ok(key) => return Some(Ok(u64::from_be_bytes(key))),
                    Err(_) => self.odd = self.rows.next().is_some(),
                },
            }
        }
    }

    fn next(&mut self) -> Option<Result<Placed, String>> {
        let index = self.peek()?;
        let row = self.rows.next()?;
        Some(index.and_then(|index| row.map(|(_, value)| (index, value)).map_err(|error| error.to_string())))
    }
}
