//! Names of unix sockets: a path, or behind an `@` a name that lies in no file system.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, socket};

use super::Args;

/// The name that an argument spells.
pub(crate) fn name(args: &Args, at: usize) -> io::Result<UnixAddr> {
    Ok(match args.word(at)?.as_bytes().strip_prefix(b"@") {
        Some(name) => UnixAddr::new_abstract(name)?,
        None => UnixAddr::new(args.path(at)?)?,
    })
}

/// A socket of no name yet.
pub(crate) fn open(kind: SockType) -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Unix, kind, SockFlag::empty(), None)?)
}
