//! Servers that count who reached them: over TCP and UDP, v4 and v6, or at names of unix sockets. Each says its
//! counts when a line comes in.

use std::ffi::OsString;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use nix::sys::socket::{Backlog, SockType, bind, listen};
use serde::{Deserialize, Serialize};

use super::{Args, Way, unix, way};

/// See the module.
pub const WAYS: &[Way] =
    &[way("count", |a, _| count(a.parsed(0)?)), way("count-names", |a, _| count_names(a.rest(0)))];

/// Connections and datagrams that arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// TCP connections from v4 peers.
    pub tcp4: u64,
    /// TCP connections from v6 peers.
    pub tcp6: u64,
    /// Bytes that came over them.
    pub tcp_bytes: u64,
    /// Datagrams from v4 peers.
    pub udp4: u64,
    /// Datagrams from v6 peers.
    pub udp6: u64,
    /// Connections to unix stream sockets.
    pub unix_stream: u64,
    /// Connections to unix sockets that keep packets apart and in order.
    pub unix_seqpacket: u64,
    /// Bytes that came over both.
    pub unix_bytes: u64,
    /// Datagrams to unix sockets.
    pub unix_datagram: u64,
}

fn count(port: u16) -> io::Result<()> {
    let any = SocketAddr::from(([0u16; 8], port));
    let (tcp, udp) = (TcpListener::bind(any)?, UdpSocket::bind(any)?);
    tcp.set_nonblocking(true)?;
    udp.set_nonblocking(true)?;
    let mut streams = Vec::new();
    answer(|counts| {
        let (v4, v6) = drain(|| {
            let (stream, peer) = tcp.accept()?;
            stream.set_nonblocking(true)?;
            streams.push(stream);
            Ok(peer)
        })?;
        streams.retain_mut(|stream| read_on(stream, &mut counts.tcp_bytes));
        counts.tcp4 += v4;
        counts.tcp6 += v6;
        let (v4, v6) = drain(|| udp.recv_from(&mut [0; 64]).map(|(_, peer)| peer))?;
        counts.udp4 += v4;
        counts.udp6 += v6;
        Ok(())
    })
}

/// `count-names PLACE…`: sockets of each type below each place, which is a folder, or `@` and a name.
fn count_names(places: &[OsString]) -> io::Result<()> {
    let mut all: Vec<Names> = places.iter().map(Names::listen).collect::<io::Result<_>>()?;
    answer(|counts| all.iter_mut().try_for_each(|names| names.count(counts)))
}

/// Counts and tells, once for each line.
fn answer(mut count: impl FnMut(&mut Counts) -> io::Result<()>) -> io::Result<()> {
    println!("ready");
    let mut counts = Counts::default();
    for line in io::stdin().lock().lines() {
        line?;
        count(&mut counts)?;
        println!("{}", serde_json::to_string(&counts)?);
        io::stdout().flush()?;
    }
    Ok(())
}

/// Counts what has come over a connection; whether more may come.
fn read_on(stream: &mut impl Read, bytes: &mut u64) -> bool {
    let mut space = [0; 4096];
    loop {
        match stream.read(&mut space) {
            Ok(0) => return false,
            Ok(read) => *bytes += read as u64,
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// How many v4 and v6 peers waited.
fn drain(mut next: impl FnMut() -> io::Result<SocketAddr>) -> io::Result<(u64, u64)> {
    let (mut v4, mut v6) = (0, 0);
    loop {
        match next() {
            Ok(peer) if is_v4(peer.ip()) => v4 += 1,
            Ok(_) => v6 += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok((v4, v6)),
            // A peer that hung up before it was accepted has reached us all the same.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => v4 += 1,
            Err(error) => return Err(error),
        }
    }
}

fn is_v4(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some(),
    }
}

/// One unix socket of each type.
struct Names {
    stream: UnixListener,
    /// The same calls serve it: only its type is another.
    seqpacket: UnixListener,
    datagram: UnixDatagram,
    connected: Vec<UnixStream>,
}

impl Names {
    fn listen(place: &OsString) -> io::Result<Self> {
        let bound = |kind, name: &str| -> io::Result<OwnedFd> {
            let fd = unix::open(kind)?;
            let word = [place.clone(), OsString::from(name)].join("/".as_ref());
            bind(fd.as_raw_fd(), &unix::name(&Args::new([word]), 0)?)?;
            Ok(fd)
        };
        let listening = |kind, name| -> io::Result<UnixListener> {
            let fd = bound(kind, name)?;
            listen(&fd, Backlog::MAXCONN)?;
            let listener = UnixListener::from(fd);
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let datagram = UnixDatagram::from(bound(SockType::Datagram, "datagram")?);
        datagram.set_nonblocking(true)?;
        let stream = listening(SockType::Stream, "stream")?;
        let seqpacket = listening(SockType::SeqPacket, "seqpacket")?;
        Ok(Self { stream, seqpacket, datagram, connected: Vec::new() })
    }

    fn count(&mut self, counts: &mut Counts) -> io::Result<()> {
        let mut accept = |listener: &UnixListener| {
            waiting(|| {
                let (connected, _) = listener.accept()?;
                connected.set_nonblocking(true)?;
                self.connected.push(connected);
                Ok(())
            })
        };
        counts.unix_stream += accept(&self.stream)?;
        counts.unix_seqpacket += accept(&self.seqpacket)?;
        self.connected.retain_mut(|connected| read_on(connected, &mut counts.unix_bytes));
        counts.unix_datagram += waiting(|| self.datagram.recv(&mut [0; 64]).map(drop))?;
        Ok(())
    }
}

/// How many waited.
fn waiting(mut next: impl FnMut() -> io::Result<()>) -> io::Result<u64> {
    let mut number = 0;
    loop {
        match next() {
            Ok(()) => number += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(number),
            Err(error) => return Err(error),
        }
    }
}
