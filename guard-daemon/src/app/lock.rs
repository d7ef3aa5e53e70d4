//! One daemon a host: an exclusive lock on a file of the run folder, with the holder's process id inside.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

/// Held as long as this lives. The kernel takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: Flock<File>,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub(super) enum LockError {
    /// Another daemon runs.
    #[error("another guardd runs already{}; stop it first, or talk to it with `guard status`", holder.map_or(String::new(), |pid| format!(" (process {pid})")))]
    Held {
        /// Its process id, if it wrote one.
        holder: Option<u32>,
    },
    /// The file cannot be used.
    #[error("the lock {path} cannot be taken: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// Takes the lock, or says who has it.
pub(super) fn take(path: &Path) -> Result<Lock, LockError> {
    let failed = |source| LockError::Io { path: path.display().to_string(), source };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let mut file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(file) => file,
        Err((file, nix::errno::Errno::EWOULDBLOCK)) => return Err(LockError::Held { holder: holder(file) }),
        Err((_, errno)) => return Err(failed(errno.into())),
    };
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
    written.map_err(failed)?;
    Ok(Lock { _file: file })
}

fn holder(file: File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_told_whose_turn_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = take(&path).unwrap();
        let refused = take(&path).unwrap_err();
        assert!(matches!(refused, LockError::Held { holder: Some(pid) } if pid == std::process::id()));
        assert!(refused.to_string().contains(&std::process::id().to_string()));
        drop(first);
        take(&path).unwrap();
    }
}
