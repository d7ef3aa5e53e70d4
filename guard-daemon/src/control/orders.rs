//! Journal of kill orders: `guard kill` flips the pinned map without asking a daemon, and leaves one file an
//! order here. Whoever runs as the daemon, now or later, appends it to the ledger and then marks the file as
//! recorded.
//!
//! An order is in force through the map. The journal owes its record, and keeps it standing over a reboot, which
//! empties the map: a file goes away only when the order is lifted. Room for some orders is set aside, for the
//! moment in which the disk is full.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::disk;
use crate::model::record::Kill;

/// The journal's folder under the daemon's state folder.
pub const FOLDER: &str = "orders";

/// Ends the name of an order that is not in the ledger yet.
const PENDING: &str = "json";

/// Ends the name of an order that is in the ledger and stands.
const RECORDED: &str = "recorded";

/// Ends the name of a file that only keeps room.
const SPARE: &str = "spare";

/// Orders for which there is room on a full disk.
const SPARES: u32 = 8;

/// Room for one order: more than any has.
const SPARE_BYTES: usize = 4096;

/// Largest order that is read back.
const ORDER_BYTES_MAX: u64 = 64 << 10;

/// Writes one order durably; it is in the journal entirely or not at all.
pub fn write(state: &Path, kill: &Kill) -> io::Result<PathBuf> {
    let folder = folder(state)?;
    // Fixed width, so that the order of names is the order of orders.
    let name = format!("{:020}-{}", kill.at, kill.by.pid);
    let text = serde_json::to_vec(kill)?;
    let part = folder.join(format!("{name}.part"));
    let written = match disk::write_new(&part, 0o600, &text) {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => in_spare(&folder, &text)?.ok_or(error)?,
        written => written.map(|()| part)?,
    };
    let path = folder.join(format!("{name}.{PENDING}"));
    fs::rename(&written, &path)?;
    disk::sync_folder(&path)?;
    Ok(path)
}

/// Keeps room for orders, as far as there is any.
pub fn set_room_aside(state: &Path) -> io::Result<()> {
    let folder = folder(state)?;
    for path in (0..SPARES).map(|number| folder.join(format!("{number}.{SPARE}"))) {
        if path.exists() {
            continue;
        }
        match disk::write_new(&path, 0o600, &[b' '; SPARE_BYTES]) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
            made => made?,
        }
    }
    Ok(())
}

fn folder(state: &Path) -> io::Result<PathBuf> {
    let folder = state.join(FOLDER);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    Ok(folder)
}

/// The order in a file that kept room for it, which stays as long as it was: white space behind it means nothing.
fn in_spare(folder: &Path, text: &[u8]) -> io::Result<Option<PathBuf>> {
    let mut spares = (0..SPARES).map(|number| folder.join(format!("{number}.{SPARE}")));
    let Some(path) = spares.find(|path| path.exists()) else { return Ok(None) };
    let mut padded = vec![b' '; SPARE_BYTES];
    let Some(start) = padded.get_mut(..text.len()) else { return Ok(None) };
    start.copy_from_slice(text);
    let mut file = OpenOptions::new().write(true).open(&path)?;
    file.write_all(&padded)?;
    file.sync_all()?;
    Ok(Some(path))
}

/// Orders not yet recorded, oldest first. A file that is no order is an error with its name: it is evidence,
/// and nobody may skip it.
pub fn pending(state: &Path) -> io::Result<Vec<(PathBuf, Kill)>> {
    list(state, PENDING)
}

/// Orders that are recorded and stand, oldest first.
pub fn recorded(state: &Path) -> io::Result<Vec<(PathBuf, Kill)>> {
    list(state, RECORDED)
}

fn list(state: &Path, extension: &str) -> io::Result<Vec<(PathBuf, Kill)>> {
    let folder = match fs::read_dir(state.join(FOLDER)) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = folder.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths.into_iter().map(|path| read(&path).map(|kill| (path, kill))).collect()
}

/// Marks a pending order as recorded.
pub fn mark_recorded(path: &Path) -> io::Result<()> {
    fs::rename(path, path.with_extension(RECORDED))?;
    disk::sync_folder(path)
}

/// Removes one agent's orders, or every order. Orders that are not recorded yet stay: their record is owed.
pub fn lift(state: &Path, agent: Option<&str>) -> io::Result<()> {
    for (path, kill) in recorded(state)? {
        if agent.is_none() || kill.agent.as_deref() == agent {
            fs::remove_file(&path)?;
            disk::sync_folder(&path)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<Kill> {
    let gone = || io::Error::new(io::ErrorKind::NotFound, format!("{}: it is gone", path.display()));
    disk::read_json(path, ORDER_BYTES_MAX)?.ok_or_else(gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Operator;

    fn kill(at: u64) -> Kill {
        let by = Operator { uid: 0, login_uid: Some(1000), pid: 7 };
        Kill { agent: Some("ada".to_owned()), mode: "freeze".to_owned(), by, at }
    }

    #[test]
    fn orders_come_back_oldest_first_and_whole() {
        let state = tempfile::tempdir().unwrap();
        assert!(pending(state.path()).unwrap().is_empty());
        for at in [90, 1_000_000, 7] {
            write(state.path(), &kill(at)).unwrap();
        }
        let orders: Vec<Kill> = pending(state.path()).unwrap().into_iter().map(|(_, kill)| kill).collect();
        assert_eq!(orders, [kill(7), kill(90), kill(1_000_000)]);
    }

    #[test]
    fn an_order_stands_until_it_is_lifted_and_is_pending_only_until_it_is_recorded() {
        let state = tempfile::tempdir().unwrap();
        let everybody = Kill { agent: None, ..kill(9) };
        for order in [&kill(7), &everybody] {
            write(state.path(), order).unwrap();
        }
        let (first, _) = pending(state.path()).unwrap().remove(0);
        mark_recorded(&first).unwrap();
        lift(state.path(), None).unwrap();
        assert!(recorded(state.path()).unwrap().is_empty());
        let (second, order) = pending(state.path()).unwrap().remove(0);
        assert_eq!(order, everybody, "what is not recorded cannot be lifted");
        mark_recorded(&second).unwrap();
        lift(state.path(), Some("ada")).unwrap();
        assert_eq!(recorded(state.path()).unwrap().len(), 1, "another's order does not lift everybody's");
    }

    #[test]
    fn an_order_in_room_set_aside_is_an_order_and_the_room_is_kept_again() {
        let state = tempfile::tempdir().unwrap();
        set_room_aside(state.path()).unwrap();
        assert!(pending(state.path()).unwrap().is_empty(), "room is no order");
        let orders = folder(state.path()).unwrap();
        let spare = in_spare(&orders, &serde_json::to_vec(&kill(5)).unwrap()).unwrap().unwrap();
        fs::rename(spare, orders.join(format!("5.{PENDING}"))).unwrap();
        assert_eq!(pending(state.path()).unwrap()[0].1, kill(5));
        set_room_aside(state.path()).unwrap();
        let spares = fs::read_dir(&orders).unwrap().flatten();
        assert_eq!(spares.filter(|entry| entry.path().extension() == Some(SPARE.as_ref())).count(), 8);
        assert!(in_spare(&orders, &[b'x'; SPARE_BYTES + 1]).unwrap().is_none());
    }

    #[test]
    fn a_file_that_is_no_order_is_named() {
        let state = tempfile::tempdir().unwrap();
        let path = write(state.path(), &kill(1)).unwrap();
        fs::write(&path, b"{").unwrap();
        let error = pending(state.path()).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }

    #[test]
    fn an_unfinished_order_is_left_alone() {
        let state = tempfile::tempdir().unwrap();
        let path = write(state.path(), &kill(1)).unwrap();
        fs::rename(&path, path.with_extension("part")).unwrap();
        assert!(pending(state.path()).unwrap().is_empty());
    }
}
