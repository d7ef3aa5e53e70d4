//! Ways to a unix socket by its name: a path, or behind an `@` a name that lies in no file system.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, send, sendto, socket,
};

use super::net::SENT;
use super::{Args, Trick};

/// See the module.
pub const TRICKS: &[(&str, Trick)] = &[
    ("unix-stream", |a, _| connected(SockType::Stream, &name(a, 0)?)),
    ("unix-seqpacket", |a, _| connected(SockType::SeqPacket, &name(a, 0)?)),
    ("unix-datagram-connected", |a, _| connected(SockType::Datagram, &name(a, 0)?)),
    ("unix-datagram", |a, _| to_name(&open(SockType::Datagram)?, &name(a, 0)?)),
    ("unix-datagram-connected-elsewhere", |a, _| {
        let fd = open(SockType::Datagram)?;
        connect(fd.as_raw_fd(), &name(a, 0)?)?;
        to_name(&fd, &name(a, 1)?)
    }),
];

/// The name that an argument spells.
pub(super) fn name(args: &Args, at: usize) -> io::Result<UnixAddr> {
    Ok(match args.word(at)?.as_bytes().strip_prefix(b"@") {
        Some(name) => UnixAddr::new_abstract(name)?,
        None => UnixAddr::new(args.path(at)?)?,
    })
}

pub(super) fn open(kind: SockType) -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Unix, kind, SockFlag::empty(), None)?)
}

fn connected(kind: SockType, name: &UnixAddr) -> io::Result<()> {
    let fd = open(kind)?;
    connect(fd.as_raw_fd(), name)?;
    send(fd.as_raw_fd(), SENT, MsgFlags::MSG_NOSIGNAL)?;
    Ok(())
}

fn to_name(fd: &OwnedFd, name: &UnixAddr) -> io::Result<()> {
    sendto(fd.as_raw_fd(), SENT, name, MsgFlags::empty())?;
    Ok(())
}
