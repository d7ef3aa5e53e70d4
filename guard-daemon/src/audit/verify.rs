//! Verification: what anybody with the public key can say of a ledger. Opens it read-only, beside a running
//! daemon (then up to the last batch written) or without one.
//!
//! # What an attacker who can write the files, but has no key, can and cannot hide
//! - Every entry lies under a checkpoint that was written with it. A changed, removed, moved, copied or added
//!   entry makes a root differ from a signed one: always found. Which entry it was is told by the stored leaf
//!   hashes, which the same signature vouches for. Who changes those as well destroys that clue: then the fault
//!   is named as lying among the entries of one checkpoint, 256 at most; in a batch of one it is exact.
//! - A checkpoint cannot be made, changed or moved without the key. One taken away is missed, for every entry
//!   names the checkpoint that first covered it.
//! - Rows of the query index, the frontier and the format row are not signed, but follow from what is: they are
//!   computed again and compared, so that no entry can be hidden from queries.
//! - **Setting the ledger back**: cutting off everything after an old checkpoint leaves a shorter ledger that
//!   was true once. No signature inside can tell. The anchor, a file outside the database with the last
//!   checkpoint, tells it (up to about a second of the newest entries); who sets back the anchor as well is
//!   found only by somebody outside who remembers a later checkpoint: keep one elsewhere.
//! - Who has the key can sign another history. Only a remembered checkpoint tells.

use super::anchor::Anchor;
use super::batch::{FORMAT, META_FORMAT, META_FRONTIER};
use super::checkpoint::Checkpoint;
use super::entry::Head;
use super::error::LedgerError;
use super::open;
use super::place::{Content, Place};
use super::report::{AnchorState, Fault, FaultKind, Report};
use super::sign::PublicKey;
use super::store::{Family, Store, io_error};
use super::terms;
use super::walk::{Walk, Walked};

/// Looks at most, beside a daemon that writes.
const LOOKS_MAX: usize = 4;

/// Verifies a ledger with a public key. An error means that there is nothing to verify, or no right to read it;
/// whatever is wrong with the ledger itself is in the report.
///
/// The database is read while a daemon may move rows from its log into its tables: one look can miss what was between
/// the two. What is really wrong is wrong at the next look as well.
pub fn verify(place: &Place, key: &PublicKey) -> Result<Report, LedgerError> {
    let mut report = look(place, key)?;
    for _ in 1..LOOKS_MAX {
        if report.fault.is_none() || place.holder().is_none() {
            break;
        }
        let again = look(place, key)?;
        if again.fault == report.fault {
            break;
        }
        report = again;
    }
    Ok(report)
}

fn look(place: &Place, key: &PublicKey) -> Result<Report, LedgerError> {
    // Before the database: the ledger may grow in between, and must be at least as long as the anchor says.
    let anchor = place.read_anchor(key);
    let content = place.content().map_err(|error| io_error(&place.database(), &error))?;
    if let (Content::Nothing, Some(Anchor::Good(anchor))) = (content, &anchor) {
        let message = format!("the ledger is gone; the anchor says that it held {} entries", anchor.size());
        return Ok(unopened(key, AnchorState::Disagrees, Fault::entry(FaultKind::CutOff, 0, message)));
    }
    let (store, torn) = match open::open_to_read(place) {
        Ok(opened) => opened,
        Err(LedgerError::Corrupt { why, .. }) => return Ok(unreadable(key, &why)),
        // What an anchor of this key stands beside was a ledger.
        Err(LedgerError::Foreign { why, .. }) if matches!(anchor, Some(Anchor::Good(_))) => {
            return Ok(unreadable(key, &why));
        }
        Err(error) => return Err(error),
    };
    Ok(report(place, &store, key, anchor.as_ref(), torn))
}

fn report(
    place: &Place,
    store: &Store,
    key: &PublicKey,
    anchor: Option<&Anchor>,
    torn: Option<String>,
) -> Report {
    let mut watch = AnchorWatch::new(anchor);
    let walked = Walk::new(store, key, |checkpoint| watch.passes(checkpoint)).run();
    let Walked { tree, good, checkpoints, fault, aside, tally } = walked;
    let entries = tree.size();
    let (reached_end, mut notes) = (fault.is_none(), Vec::new());
    let state = watch.state(entries, reached_end);
    let mut faults: Vec<Fault> = fault.into_iter().chain(aside).collect();
    if reached_end {
        let cut = torn.and_then(|why| judge_torn(place, entries, &why, &mut notes));
        faults.extend(watch.fault(entries).or(cut));
        // Of two faults the one of the earlier entry counts; among equals the one found first.
        faults.sort_by_key(|fault| fault.index.unwrap_or(u64::MAX));
        let meta = check_meta(store, &tree.to_bytes());
        faults.extend(meta.and_then(|()| check_index(store, &tally)).err());
    }
    if state == AnchorState::Absent {
        notes.push("there is no anchor beside the database: a cut-off end could not be told".to_owned());
    }
    let mut faults = faults.into_iter();
    let fault = faults.next();
    notes.extend(faults.map(|fault| format!("further: {}", fault.message)));
    let (origin, key) = (key.name().to_owned(), key.to_string());
    let root = good.as_ref().map(Checkpoint::root_base64);
    Report { origin, key, entries, checkpoints, root, anchor: state, fault, notes }
}

fn unreadable(key: &PublicKey, why: &str) -> Report {
    let message = format!("the database is damaged and cannot be opened: {why}");
    unopened(key, AnchorState::Unreached, Fault::other(FaultKind::Unreadable, message))
}

fn unopened(key: &PublicKey, anchor: AnchorState, fault: Fault) -> Report {
    Report {
        origin: key.name().to_owned(),
        key: key.to_string(),
        entries: 0,
        checkpoints: 0,
        root: None,
        anchor,
        fault: Some(fault),
        notes: Vec::new(),
    }
}

/// A damaged write-ahead log: beside a writer it is a batch being written; without one, something is lost.
fn judge_torn(place: &Place, entries: u64, why: &str, notes: &mut Vec<String>) -> Option<Fault> {
    if place.holder().is_some() {
        notes.push(format!("a daemon is writing; verified up to entry {}", entries.saturating_sub(1)));
        return None;
    }
    let message = format!(
        "what follows entry {} cannot be read: either the daemon ended in the middle of a write, \
         which its next start repairs, or the end was damaged ({why})",
        entries.saturating_sub(1)
    );
    Some(Fault::entry(FaultKind::CutOff, entries, message))
}

/// Compares the anchor with the checkpoint of its size as the walk passes it.
struct AnchorWatch<'a> {
    anchor: Option<&'a Anchor>,
    met: Option<bool>,
}

impl<'a> AnchorWatch<'a> {
    fn new(anchor: Option<&'a Anchor>) -> Self {
        Self { anchor, met: None }
    }

    fn passes(&mut self, checkpoint: &Checkpoint) {
        if let Some(Anchor::Good(anchor)) = self.anchor
            && anchor.size() == checkpoint.size()
        {
            self.met = Some(anchor.root() == checkpoint.root());
        }
    }

    fn state(&self, entries: u64, reached_end: bool) -> AnchorState {
        match (self.anchor, self.met) {
            (None, _) => AnchorState::Absent,
            (Some(Anchor::Good(_)), Some(true)) => AnchorState::Agrees,
            (Some(Anchor::Good(anchor)), None) if !reached_end && anchor.size() > entries => {
                AnchorState::Unreached
            }
            (Some(Anchor::Good(_) | Anchor::Bad(_) | Anchor::Unreadable(_)), _) => AnchorState::Disagrees,
        }
    }

    /// What the anchor says against a ledger that was walked to its end.
    fn fault(&self, entries: u64) -> Option<Fault> {
        match self.anchor? {
            Anchor::Good(anchor) if anchor.size() > entries => {
                let message = format!(
                    "the ledger is cut off: it ends after {entries} entries, and the anchor says that it held {}",
                    anchor.size()
                );
                Some(Fault::entry(FaultKind::CutOff, entries, message))
            }
            Anchor::Good(anchor) if self.met != Some(true) => {
                let message = format!("the anchor vouches for {} other entries", anchor.size());
                Some(Fault::other(FaultKind::Anchor, message))
            }
            Anchor::Good(_) => None,
            Anchor::Bad(error) => Some(Fault::other(FaultKind::Anchor, format!("the anchor: {error}"))),
            Anchor::Unreadable(why) => {
                Some(Fault::other(FaultKind::Anchor, format!("the anchor cannot be read: {why}")))
            }
        }
    }
}

/// The rows that are not signed must be those that follow from what is.
fn check_meta(store: &Store, frontier: &[u8]) -> Result<(), Fault> {
    let mut expected = vec![(META_FORMAT, FORMAT), (META_FRONTIER, frontier)];
    for row in store.rows_from(Family::Meta, &[]) {
        let (key, value) = row.map_err(|error| meta(error.to_string()))?;
        let own = expected.iter().position(|row| *row == (&*key, &*value));
        let Some(own) = own else {
            return Err(meta(format!("the row {:?} was changed or added", String::from_utf8_lossy(&key))));
        };
        expected.remove(own);
    }
    if let Some((key, _)) = expected.first() {
        return Err(meta(format!("the row {:?} was removed", String::from_utf8_lossy(key))));
    }
    match store.stray() {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(meta("there are rows outside the families of a ledger".to_owned())),
        Err(error) => Err(meta(error.to_string())),
    }
}

fn meta(message: String) -> Fault {
    Fault::other(FaultKind::Meta, message)
}

/// The query index must have exactly the rows that the entries have.
fn check_index(store: &Store, expected: &terms::Tally) -> Result<(), Fault> {
    let mut found = expected.fresh();
    for row in store.rows_from(Family::Terms, &[]) {
        let (row, value) = row.map_err(|error| Fault::other(FaultKind::QueryIndex, error.to_string()))?;
        if value.is_empty() {
            found.add(&row);
        }
    }
    if found.equals(expected) { Ok(()) } else { Err(find_index_fault(store)) }
}

/// Names the first entry whose rows are wrong.
fn find_index_fault(store: &Store) -> Fault {
    let lost = store.rows_from(Family::Entries, &[]).map_while(Result::ok).find_map(|(key, bytes)| {
        let head = Head::parse(&bytes).ok()?;
        let is_lost = |row: Vec<u8>| store.get(Family::Terms, &row).ok().flatten().is_none();
        terms::rows(&head).any(is_lost).then(|| terms::index_of(&key)).flatten()
    });
    let added = store.rows_from(Family::Terms, &[]).map_while(Result::ok);
    let added = added.filter(|(row, value)| !value.is_empty() || !belongs(store, row));
    let added = added.map(|(row, _)| terms::index_of(&row).unwrap_or(u64::MAX)).min();
    let index = lost.into_iter().chain(added).min().unwrap_or(0);
    let message =
        format!("the query index is wrong at entry {index}: queries may hide it or show it wrongly");
    Fault::entry(FaultKind::QueryIndex, index, message)
}

fn belongs(store: &Store, row: &[u8]) -> bool {
    let entry =
        terms::index_of(row).and_then(|index| store.get(Family::Entries, &index.to_be_bytes()).ok()?);
    let head = entry.as_deref().and_then(|bytes| Head::parse(bytes).ok());
    head.is_some_and(|head| terms::rows(&head).any(|own| own == row))
}
