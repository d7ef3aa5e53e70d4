//! Ways to send to a peer. Addresses whose layout no safe interface lets through are in `exotic.py`.

use std::io::{self, IoSlice, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, MsgFlags, MultiHeaders, SockFlag, SockType, SockaddrStorage, sendmmsg, sendto, setsockopt,
    socket, sockopt,
};

use super::{Args, Trick};

/// What an attack sends.
pub const SENT: &[u8] = b"sent by the attack";

/// See the module. Addresses are `a.b.c.d:port` or `[v6]:port`.
pub const TRICKS: &[(&str, Trick)] = &[
    ("tcp", |a, _| connect(a.parsed(0)?)?.write_all(SENT)),
    ("tcp-nonblocking", |a, _| nonblocking(a.parsed(0)?)),
    ("tcp-fastopen-sendto", |a, _| fastopen(a.parsed(0)?)),
    ("tcp-fastopen-connect", |a, _| fastopen_connect(a.parsed(0)?)),
    ("udp", |a, _| udp(a.parsed(0)?)?.send_to(SENT, a.parsed::<SocketAddr>(0)?).map(drop)),
    ("udp-connected", |a, _| {
        let udp = udp(a.parsed(0)?)?;
        udp.connect(a.parsed::<SocketAddr>(0)?)?;
        udp.send(SENT).map(drop)
    }),
    ("udp-connected-elsewhere", |a, _| {
        let udp = udp(a.parsed(0)?)?;
        udp.connect(a.parsed::<SocketAddr>(0)?)?;
        udp.send_to(SENT, a.parsed::<SocketAddr>(1)?).map(drop)
    }),
    ("udp-many", many),
    ("udp-v6-socket", |a, _| UdpSocket::bind("[::]:0")?.send_to(SENT, a.parsed::<SocketAddr>(0)?).map(drop)),
];

fn connect(peer: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&peer, Duration::from_secs(5))
}

fn udp(peer: SocketAddr) -> io::Result<UdpSocket> {
    UdpSocket::bind(if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })
}

fn tcp_socket(peer: SocketAddr, flags: SockFlag) -> io::Result<std::os::fd::OwnedFd> {
    let family = if peer.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    Ok(socket(family, SockType::Stream, flags, None)?)
}

/// The call says EINPROGRESS and the handshake goes on behind it.
fn nonblocking(peer: SocketAddr) -> io::Result<()> {
    let fd = tcp_socket(peer, SockFlag::SOCK_NONBLOCK)?;
    match nix::sys::socket::connect(fd.as_raw_fd(), &SockaddrStorage::from(peer)) {
        Ok(()) | Err(nix::errno::Errno::EINPROGRESS) => {}
        Err(errno) => return Err(errno.into()),
    }
    std::thread::sleep(Duration::from_millis(50));
    Ok(())
}

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
    nix::sys::socket::connect(fd.as_raw_fd(), &SockaddrStorage::from(peer))?;
    TcpStream::from(fd).write_all(SENT)
}

/// One `sendmmsg` with a message for each address given.
fn many(args: &Args, _: &mut dyn Write) -> io::Result<()> {
    let peers: Vec<Option<SockaddrStorage>> = (0..args.rest(0).len())
        .map(|at| args.parsed::<SocketAddr>(at).map(|peer| Some(SockaddrStorage::from(peer))))
        .collect::<io::Result<_>>()?;
    let fd = udp(args.parsed(0)?)?;
    let payload = [IoSlice::new(SENT)];
    let slices = vec![payload; peers.len()];
    let mut headers = MultiHeaders::preallocate(peers.len(), None);
    let sent = sendmmsg(fd.as_raw_fd(), &mut headers, &slices, &peers, [], MsgFlags::empty())?.count();
    if sent == peers.len() { Ok(()) } else { Err(io::Error::from_raw_os_error(nix::libc::EACCES)) }
}
