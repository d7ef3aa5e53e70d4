//! TCP Fast Open: data in the SYN, and connections without `connect`.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, SockFlag, SockaddrStorage, connect, sendto, setsockopt, sockopt};

use super::connect::tcp_socket;
use super::{CONNECT, Cases, SEND, Trick, alike};
use crate::act::{SENT, way};
use crate::harness::server::{A4, A6, D4, D6};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("tcp-fastopen-sendto", |a, _| fastopen(a.parsed(0)?)),
        way("tcp-fastopen-connect", |a, _| fastopen_connect(a.parsed(0)?)),
    ],
    python: None,
    cases,
};

/// Data in the SYN, or a plain connect where no cookie is known: either way without `connect`.
fn fastopen(peer: SocketAddr) -> io::Result<()> {
    let fd = tcp_socket(peer, SockFlag::empty())?;
    let flags = MsgFlags::from_bits_retain(nix::libc::MSG_FASTOPEN);
    sendto(fd.as_raw_fd(), SENT, &SockaddrStorage::from(peer), flags)?;
    Ok(())
}

/// `connect` returns at once, and the write connects.
fn fastopen_connect(peer: SocketAddr) -> io::Result<()> {
    let fd = tcp_socket(peer, SockFlag::empty())?;
    setsockopt(&fd, sockopt::TcpFastOpenConnect, &true)?;
    connect(fd.as_raw_fd(), &SockaddrStorage::from(peer))?;
    TcpStream::from(fd).write_all(SENT)
}

fn cases() -> Cases {
    let (by_sendto, by_option) = ("tcp-fastopen-sendto", "tcp-fastopen-connect");
    [
        alike("N14", "fast_open_by_option_does_not_connect", CONNECT, by_option, D4, A4),
        alike("N14b", "fast_open_by_sendto_does_not_connect", SEND, by_sendto, D4, A4),
        alike("N14c", "fast_open_by_sendto_over_v6_does_not_connect", SEND, by_sendto, D6, A6),
    ]
    .into()
}
