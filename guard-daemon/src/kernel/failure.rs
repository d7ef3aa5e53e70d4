//! What goes wrong with a map, told to a person.

use std::io;
use std::path::{Path, PathBuf};

use aya::maps::MapError;

/// A map could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum MapFailure {
    /// There is no such pin.
    #[error("{} is not pinned: no kernel programs of guard are loaded; start guardd", path.display())]
    NotPinned {
        /// Where it should be.
        path: PathBuf,
    },
    /// Its pin cannot be opened.
    #[error("{} cannot be opened: {cause}{}", path.display(), if *denied { "; this needs root" } else { "" })]
    Open {
        /// The pin.
        path: PathBuf,
        /// What the kernel said.
        cause: String,
        /// Whether the caller lacks the right.
        denied: bool,
    },
    /// It is another kind of map than this daemon's.
    #[error(
        "map {map} is not what this version of guard uses: {cause}; restart guardd, so that it replaces the kernel programs"
    )]
    Foreign {
        /// Its name.
        map: &'static str,
        /// How it differs.
        cause: String,
    },
    /// No row is free.
    #[error("map {map} is full at {rows} rows; {advice}")]
    Full {
        /// Its name.
        map: &'static str,
        /// How many rows it has.
        rows: u32,
        /// What to do.
        advice: &'static str,
    },
    /// A row that guard never writes.
    #[error("map {map}: row {row} holds {value}, which no version of guard writes")]
    Strange {
        /// Its name.
        map: &'static str,
        /// Which row.
        row: u32,
        /// What stands there.
        value: u64,
    },
    /// A row of the caller's that the map cannot hold.
    #[error("map {map}: {what}")]
    Refused {
        /// Its name.
        map: &'static str,
        /// Why.
        what: String,
    },
    /// A system call failed.
    #[error("map {map}: {doing} failed: {cause}")]
    Call {
        /// Its name.
        map: &'static str,
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        cause: io::Error,
    },
}

impl MapFailure {
    /// A failed call on a map, with the kernel's own error where the library carries one.
    pub(super) fn call(map: &'static str, doing: &'static str, error: MapError) -> Self {
        Self::Call { map, doing, cause: into_io(error) }
    }

    /// A pin that could not be opened.
    pub(super) fn open(path: &Path, error: MapError) -> Self {
        let cause = into_io(error);
        if cause.kind() == io::ErrorKind::NotFound {
            return Self::NotPinned { path: path.to_owned() };
        }
        let denied = cause.kind() == io::ErrorKind::PermissionDenied;
        Self::Open { path: path.to_owned(), denied, cause: cause.to_string() }
    }
}

/// The kernel's error inside the library's.
pub(super) fn into_io(error: MapError) -> io::Error {
    if let MapError::SyscallError(error) = error {
        return error.io_error;
    }
    if let MapError::IoError(error) | MapError::CreateError { io_error: error, .. } = error {
        return error;
    }
    if matches!(error, MapError::KeyNotFound) {
        return io::ErrorKind::NotFound.into();
    }
    io::Error::other(error.to_string())
}
