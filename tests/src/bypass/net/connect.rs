//! TCP, over v4 and v6, waiting for the handshake or not.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};

use super::{CONNECT, Cases, Trick, alike};
use crate::act::{SENT, way};
use crate::harness::server::{A4, A6, D4, D6};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    // Addresses are `a.b.c.d:port` or `[v6]:port`.
    ways: &[
        way("tcp", |a, _| TcpStream::connect_timeout(&a.parsed(0)?, Duration::from_secs(5))?.write_all(SENT)),
        way("tcp-nonblocking", |a, _| nonblocking(a.parsed(0)?)),
    ],
    python: None,
    cases,
};

/// A TCP socket of the peer's family.
pub(super) fn tcp_socket(peer: SocketAddr, flags: SockFlag) -> io::Result<OwnedFd> {
    let family = if peer.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    Ok(socket(family, SockType::Stream, flags, None)?)
}

/// The call says EINPROGRESS and the handshake goes on behind it.
fn nonblocking(peer: SocketAddr) -> io::Result<()> {
    let fd = tcp_socket(peer, SockFlag::SOCK_NONBLOCK)?;
    match connect(fd.as_raw_fd(), &SockaddrStorage::from(peer)) {
        Ok(()) | Err(Errno::EINPROGRESS) => {}
        Err(errno) => return Err(errno.into()),
    }
    std::thread::sleep(Duration::from_millis(50));
    Ok(())
}

fn cases() -> Cases {
    [
        alike("N01", "tcp_over_v4_does_not_connect", CONNECT, "tcp", D4, A4),
        alike("N01b", "tcp_without_waiting_does_not_connect", CONNECT, "tcp-nonblocking", D4, A4),
        alike("N02", "tcp_over_v6_does_not_connect", CONNECT, "tcp", D6, A6),
    ]
    .into()
}
