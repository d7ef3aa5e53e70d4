//! One writer at a time, and readers that can tell whether there is one. A lock on a file of its own, bound to
//! the open file: unlike RocksDB's, it is not lost when the same process opens and closes that file once more,
//! and it means the same on every file system.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::error::LedgerError;
use super::place::Place;
use super::store::io_error;

/// A reader that asks holds the lock for an instant; a writer tries again so often.
const TRIES: u32 = 10;
/// And waits so long in between.
const PAUSE: Duration = Duration::from_millis(10);

/// Held by who writes.
pub(super) struct WriterLock {
    _file: Flock<File>,
}

impl WriterLock {
    /// Takes the lock, and leaves this process's id in the file.
    pub(super) fn take(place: &Place) -> Result<Self, LedgerError> {
        let path = place.lock();
        let io = |error: std::io::Error| io_error(&path, &error);
        let mut options = File::options();
        let mut file = options.read(true).write(true).create(true).mode(0o600).open(&path).map_err(io)?;
        for _ in 0..TRIES {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(mut locked) => {
                    // Eight digits always: a shorter id must not leave the end of a longer one.
                    write!(locked, "{:08}", std::process::id()).map_err(io)?;
                    return Ok(Self { _file: locked });
                }
                Err((back, Errno::EWOULDBLOCK)) => file = back,
                Err((_, error)) => return Err(io(error.into())),
            }
            std::thread::sleep(PAUSE);
        }
        Err(LedgerError::Locked { path: place.database(), holder: pid(&mut file) })
    }
}

/// The process that holds the lock.
pub(super) fn holder(place: &Place) -> Option<u32> {
    let file = File::open(place.lock()).ok()?;
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        // Nobody: the lock is dropped at once.
        Ok(_) => None,
        Err((mut file, Errno::EWOULDBLOCK)) => Some(pid(&mut file).unwrap_or(0)),
        Err(_) => None,
    }
}

fn pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(8).read_to_string(&mut text).ok()?;
    text.parse().ok()
}
