//! One daemon a host: an exclusive lock on a folder of the BPF file system, where what it puts in force is pinned, and one
//! on a file of the run folder, with the holder's process id inside.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

/// Held as long as this lives. The kernel takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _host: Flock<File>,
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

/// Takes both locks, or says who has them. `host` is a folder that every daemon of this host shares, whatever it
/// was told; it is made.
pub(super) fn take(host: &Path, path: &Path) -> Result<Lock, LockError> {
    // First the file: its holder is known.
    let file = take_file(path)?;
    let failed = |source| LockError::Io { path: host.display().to_string(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(host).map_err(failed)?;
    match Flock::lock(File::open(host).map_err(failed)?, FlockArg::LockExclusiveNonblock) {
        Ok(host) => Ok(Lock { _host: host, _file: file }),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Err(LockError::Held { holder: None }),
        Err((_, errno)) => Err(failed(errno.into())),
    }
}

fn take_file(path: &Path) -> Result<Flock<File>, LockError> {
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
    Ok(file)
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
        let host = folder.path();
        let first = take(host, &path).unwrap();
        let refused = take(host, &path).unwrap_err();
        assert!(matches!(refused, LockError::Held { holder: Some(pid) } if pid == std::process::id()));
        assert!(refused.to_string().contains(&std::process::id().to_string()));
        let elsewhere = take(host, &host.join("other")).unwrap_err();
        assert!(matches!(elsewhere, LockError::Held { holder: None }), "another run folder is the same host");
        drop(first);
        take(host, &path).unwrap();
    }
}
