//! Journal of kill orders: `guard kill` flips the pinned map without asking a daemon, and leaves one file an
//! order here. Whoever runs as the daemon, now or later, appends it to the ledger and then removes the file.
//!
//! An order is in force through the map alone; the journal only owes its record.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::model::record::Kill;

/// The journal's folder under the daemon's state folder.
pub const FOLDER: &str = "orders";

/// Largest order that is read back.
const ORDER_BYTES_MAX: u64 = 64 << 10;

/// Writes one order durably; it is in the journal entirely or not at all.
pub fn write(state: &Path, kill: &Kill) -> io::Result<PathBuf> {
    let folder = state.join(FOLDER);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    // Fixed width, so that the order of names is the order of orders.
    let name = format!("{:020}-{}", kill.at, kill.by.pid);
    let (part, path) = (folder.join(format!("{name}.part")), folder.join(format!("{name}.json")));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(&serde_json::to_vec(kill)?)?;
    file.sync_all()?;
    fs::rename(&part, &path)?;
    File::open(&folder)?.sync_all()?;
    Ok(path)
}

/// Orders not yet recorded, oldest first. A file that is no order is an error with its name: it is evidence,
/// and nobody may skip it.
pub fn pending(state: &Path) -> io::Result<Vec<(PathBuf, Kill)>> {
    let folder = match fs::read_dir(state.join(FOLDER)) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = folder.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.into_iter().map(|path| read(&path).map(|kill| (path, kill))).collect()
}

fn read(path: &Path) -> io::Result<Kill> {
    let wrong =
        |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()));
    if fs::symlink_metadata(path)?.len() > ORDER_BYTES_MAX {
        return Err(wrong("too large for a kill order".to_owned()));
    }
    serde_json::from_slice(&fs::read(path)?).map_err(|error| wrong(error.to_string()))
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
