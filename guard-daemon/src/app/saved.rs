//! State files: there whole or not at all, whenever the power goes, and for root alone.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::disk;

/// Largest state file that is read back. A policy of 2 MiB, escaped, with its includes, is the longest.
const BYTES_MAX: u64 = 64 << 20;

/// Replaces a state file.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    disk::replace(path, 0o600, &serde_json::to_vec(value)?)
}

/// Reads a state file; `None` where there is none. One that cannot be understood is an error with its name.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    disk::read_json(path, BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_written_comes_back_is_roots_alone_and_nothing_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), None);
        write(&path, &vec![1_u32, 2]).unwrap();
        write(&path, &vec![3_u32]).unwrap();
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), Some(vec![3]));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
