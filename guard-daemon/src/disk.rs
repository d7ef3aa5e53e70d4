//! Small files that are there whole or not at all, whenever the power goes. Knows bytes and JSON, and nobody's files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Makes a file that must not exist yet, on disk with its name when this returns.
pub(crate) fn create_new(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let draft = write_draft(path, mode, content)?;
    // Unlike a rename, a link never replaces what somebody put there meanwhile.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    sync_folder(path)
}

/// Puts a file in the place of what was there, on disk with its name when this returns.
pub(crate) fn replace(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let draft = write_draft(path, mode, content)?;
    fs::rename(&draft, path)?;
    sync_folder(path)
}

/// Writes a file that must not exist yet; its content is on disk when this returns, its name with the next
/// [`sync_folder`]. Nothing is left of one that could not be written.
pub(crate) fn write_new(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        fs::remove_file(path)?;
    }
    written
}

/// Makes names in the folder of `path` survive a power cut.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Reads a file of JSON that is no longer than it may be; `None` where there is none. One that cannot be understood
/// is an error with its name.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, bytes_max: u64) -> io::Result<Option<T>> {
    let named =
        |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()));
    let length = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(named(error.to_string())),
    };
    if length > bytes_max {
        return Err(named(format!("it is longer than {bytes_max} bytes, and guard writes none that long")));
    }
    let bytes = fs::read(path).map_err(|error| named(error.to_string()))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| named(error.to_string()))
}

fn write_draft(path: &Path, mode: u32, content: &[u8]) -> io::Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let draft = PathBuf::from(name);
    // A draft left by a crash was never in use.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_new(&draft, mode, content).map(|()| draft)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_and_a_new_one_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        create_new(&path, 0o600, b"1").unwrap();
        assert_eq!(create_new(&path, 0o600, b"2").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(write_new(&path, 0o600, b"2").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"1");
        replace(&path, 0o644, b"3").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"3");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays");
    }

    #[test]
    fn a_draft_that_a_crash_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        fs::write(folder.path().join("x.json.new"), b"half").unwrap();
        replace(&path, 0o600, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn what_is_missing_is_nothing_and_what_is_damaged_or_too_long_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        assert_eq!(read_json::<Vec<u32>>(&path, 10).unwrap(), None);
        fs::write(&path, b"[1,2]").unwrap();
        assert_eq!(read_json::<Vec<u32>>(&path, 5).unwrap(), Some(vec![1, 2]));
        let refused = |bytes_max| read_json::<Vec<u32>>(&path, bytes_max).unwrap_err().to_string();
        assert!(refused(4).contains("x.json"), "{}", refused(4));
        fs::write(&path, b"[1,").unwrap();
        assert!(refused(4).contains("x.json"), "{}", refused(4));
    }
}
