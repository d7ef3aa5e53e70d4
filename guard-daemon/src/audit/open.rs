//! Taking up a ledger: is it ours, is it whole, is it as far as the anchor says? Everything is looked at
//! read-only first; a database that is foreign, damaged or set back is left as it is found.

use std::path::PathBuf;
use std::time::Duration;

use super::anchor::Anchor;
use super::batch::{self, CHECKPOINT_EVERY, FORMAT, META_FORMAT, META_FRONTIER};
use super::checkpoint::{Checkpoint, NoteError};
use super::error::LedgerError;
use super::lock::WriterLock;
use super::place::{Content, Place};
use super::sign::{KeyError, LedgerKey, PublicKey, name_is_valid};
use super::store::{Family, LogReading, Store, io_error};
use super::tree::{Frontier, Hash, leaf_hash};
use crate::clock;

/// A reader beside a writer may meet a half-written log or a table just removed; it looks again so often.
const LOOKS: u32 = 10;
/// And waits so long in between.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// How far a ledger goes.
pub(super) struct Tip {
    pub(super) tree: Frontier,
    pub(super) checkpoint: Checkpoint,
}

/// What [`take_up`] hands over.
pub(super) struct Opened {
    pub(super) lock: WriterLock,
    pub(super) key: LedgerKey,
    pub(super) store: Store,
    pub(super) tip: Tip,
    /// Where a damaged write-ahead log was set aside.
    pub(super) torn: Option<PathBuf>,
}

/// Opens the ledger for writing; makes it, and its key, where there is none yet.
pub(super) fn take_up(place: &Place) -> Result<Opened, LedgerError> {
    prepare_folder(place)?;
    let is_new = !has_database(place)?;
    let lock = WriterLock::take(place)?;
    let key = take_key(place, is_new)?;
    let torn = if is_new {
        refuse_gone(place, key.public())?;
        Store::create(place, &batch::first(&key))?;
        None
    } else {
        examine(place, key.public())?
    };
    let store = Store::open(place)?;
    let tip = tip(&store, place, key.public())?;
    Ok(Opened { lock, key, store, tip, torn })
}

/// Looks whether the ledger may be written on. Gives where a damaged log was copied to, if one was.
fn examine(place: &Place, key: &PublicKey) -> Result<Option<PathBuf>, LedgerError> {
    let (store, torn) = open_to_read(place)?;
    let tip = tip(&store, place, key)?;
    check_anchor(&store, place, key, &tip)?;
    torn.map(|_| set_aside(place)).transpose()
}

/// Opens the database for reading. Where its log is damaged, everything before the damage is read, and the
/// second value says what the damage is.
pub(super) fn open_to_read(place: &Place) -> Result<(Store, Option<String>), LedgerError> {
    if !has_database(place)? {
        return Err(LedgerError::Missing { path: place.database() });
    }
    Store::check_families(place)?;
    let mut error = None;
    for look in 0..LOOKS {
        match Store::open_to_read(place, LogReading::Absolute) {
            Ok(store) => return Ok((store, None)),
            Err(found) => error = Some(found),
        }
        // Nobody writes: what is damaged stays so.
        if place.holder().is_none() && look > 0 {
            break;
        }
        std::thread::sleep(LOOK_PAUSE);
    }
    let error = error.expect("it was looked at, at least once, and not opened");
    match Store::open_to_read(place, LogReading::PointInTime) {
        Ok(store) => Ok((store, Some(error.to_string()))),
        Err(error) => Err(error),
    }
}

/// Whether there is a database; refuses what is neither one nor nothing.
fn has_database(place: &Place) -> Result<bool, LedgerError> {
    match place.content().map_err(|error| io_error(&place.database(), &error))? {
        Content::Nothing => Ok(false),
        Content::Database => Ok(true),
        Content::Headless => {
            let why = "its file CURRENT is missing".to_owned();
            Err(LedgerError::Corrupt { path: place.database(), why })
        }
        Content::Other => Err(foreign(place, "it holds other files")),
    }
}

/// Reads how far the ledger goes, and holds the last checkpoint against what is stored.
pub(super) fn tip(store: &Store, place: &Place, key: &PublicKey) -> Result<Tip, LedgerError> {
    check_format(store, place)?;
    let Some((row, note)) = store.last(Family::Checkpoints)? else {
        return Err(tampered(place, "it has no checkpoint"));
    };
    let checkpoint =
        Checkpoint::parse(&note, key).map_err(|error| bad_note(place, "its last checkpoint", error))?;
    let size = checkpoint.size();
    if *row != size.to_be_bytes() {
        return Err(tampered(place, "its last checkpoint stands in another's place"));
    }
    let last = store.last(Family::Entries)?.map(|(key, _)| key);
    if last.as_deref() != size.checked_sub(1).map(u64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice) {
        return Err(tampered(
            place,
            &format!("its last checkpoint is of {size} entries, and it holds others"),
        ));
    }
    let tree = tree(store, place, &checkpoint)?;
    check_tail(store, place, size)?;
    Ok(Tip { tree, checkpoint })
}

/// The tree under a checkpoint: the kept frontier if it fits, else rebuilt from the leaves.
fn tree(store: &Store, place: &Place, checkpoint: &Checkpoint) -> Result<Frontier, LedgerError> {
    let kept = store.get(Family::Meta, META_FRONTIER)?;
    let fits = |tree: &Frontier| tree.size() == checkpoint.size() && tree.root() == *checkpoint.root();
    if let Some(tree) = kept.as_deref().and_then(Frontier::from_bytes).filter(fits) {
        return Ok(tree);
    }
    let mut tree = Frontier::default();
    for row in store.rows_from(Family::Leaves, &[]).take(checkpoint.size() as usize) {
        let leaf = Hash::try_from(&*row?.1).map_err(|_| tampered(place, "a leaf is not a hash"))?;
        tree.push(leaf);
    }
    if fits(&tree) {
        Ok(tree)
    } else {
        Err(tampered(place, "its leaves do not add up to its last checkpoint"))
    }
}

/// The entries under the last checkpoint are those whose hashes it was made of.
fn check_tail(store: &Store, place: &Place, size: u64) -> Result<(), LedgerError> {
    let first = size.saturating_sub(CHECKPOINT_EVERY as u64);
    for (index, row) in (first..).zip(store.rows_from(Family::Entries, &first.to_be_bytes())) {
        let (key, bytes) = row?;
        let leaf = store.get(Family::Leaves, &key)?;
        if *key != index.to_be_bytes() || leaf.as_deref() != Some(&leaf_hash(&bytes)) {
            return Err(tampered(place, &format!("entry {index} is not the one that was signed")));
        }
    }
    Ok(())
}

pub(super) fn check_format(store: &Store, place: &Place) -> Result<(), LedgerError> {
    match store.get(Family::Meta, META_FORMAT)? {
        Some(format) if format == FORMAT => Ok(()),
        Some(format) => {
            let (found, own) = (String::from_utf8_lossy(&format), String::from_utf8_lossy(FORMAT));
            Err(foreign(place, &format!("its format is {found:?}, and this guard writes {own:?}")))
        }
        None => Err(foreign(place, "it names no format")),
    }
}

fn check_anchor(store: &Store, place: &Place, key: &PublicKey, tip: &Tip) -> Result<(), LedgerError> {
    let anchor = match place.read_anchor(key) {
        None => return Ok(()),
        Some(Anchor::Good(anchor)) => anchor,
        Some(Anchor::Bad(error)) => return Err(bad_note(place, "the anchor beside it", error)),
        Some(Anchor::Unreadable(why)) => return Err(LedgerError::Io { path: place.anchor(), why }),
    };
    let (size, anchored) = (tip.checkpoint.size(), anchor.size());
    if anchored > size {
        let why =
            format!("it ends after {size} entries, and the anchor beside it says that it held {anchored}");
        return Err(tampered(place, &why));
    }
    let note = store.get(Family::Checkpoints, &anchored.to_be_bytes())?;
    let same = note.and_then(|note| Checkpoint::parse(&note, key).ok());
    if same.is_some_and(|same| same.root() == anchor.root()) {
        return Ok(());
    }
    Err(tampered(place, &format!("the anchor beside it vouches for {anchored} other entries")))
}

fn refuse_gone(place: &Place, key: &PublicKey) -> Result<(), LedgerError> {
    match place.read_anchor(key) {
        Some(Anchor::Good(anchor)) if anchor.size() > 0 => {
            Err(LedgerError::Gone { path: place.database(), entries: anchor.size() })
        }
        Some(Anchor::Good(_)) | None => Ok(()),
        Some(Anchor::Bad(error)) => Err(bad_note(place, "the anchor beside it", error)),
        Some(Anchor::Unreadable(why)) => Err(LedgerError::Io { path: place.anchor(), why }),
    }
}

/// The ledger's key. One is made only where neither key nor ledger is: a ledger never changes its key.
fn take_key(place: &Place, is_new: bool) -> Result<LedgerKey, LedgerError> {
    let key = match LedgerKey::load(&place.key()) {
        Err(KeyError::Missing { .. }) if is_new => LedgerKey::create(&place.key(), &name())?,
        Err(KeyError::Missing { .. }) => return Err(LedgerError::KeyLost { key: place.key() }),
        key => key?,
    };
    key.publish(&place.public_key())?;
    Ok(key)
}

/// The ledger's name: the origin of its checkpoints. Fixed when the key is made.
fn name() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let name = format!("guard/{}", host.unwrap_or_default());
    if name_is_valid(&name) { name } else { "guard/host".to_owned() }
}

fn prepare_folder(place: &Place) -> Result<(), LedgerError> {
    use std::os::unix::fs::DirBuilderExt;
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true).mode(0o700);
    folder.create(place.state()).map_err(|error| io_error(place.state(), &error))
}

/// Copies the write-ahead logs before the recovery that would drop what follows the damage.
fn set_aside(place: &Place) -> Result<PathBuf, LedgerError> {
    let path = place.torn();
    let io = |error: std::io::Error| io_error(&path, &error);
    let target = path.join(clock::wall_ns().to_string());
    std::fs::create_dir_all(&target).map_err(io)?;
    for file in std::fs::read_dir(place.database()).map_err(io)? {
        let file = file.map_err(io)?;
        if file.path().extension().is_some_and(|extension| extension == "log") {
            std::fs::copy(file.path(), target.join(file.file_name())).map_err(io)?;
        }
    }
    Ok(target)
}

fn bad_note(place: &Place, what: &str, error: NoteError) -> LedgerError {
    match error {
        NoteError::OtherKey { .. } => {
            LedgerError::OtherKey { path: place.database(), why: format!("{what}: {error}") }
        }
        NoteError::Malformed(_) | NoteError::FalseSignature => tampered(place, &format!("{what}: {error}")),
    }
}

fn tampered(place: &Place, why: &str) -> LedgerError {
    LedgerError::Tampered { path: place.database(), why: why.to_owned() }
}

fn foreign(place: &Place, why: &str) -> LedgerError {
    LedgerError::Foreign { path: place.database(), why: why.to_owned() }
}
