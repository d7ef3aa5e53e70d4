//! A server that counts who reached it, over TCP and UDP, v4 and v6. Says its counts when a line comes in.

use std::io::{self, BufRead, ErrorKind, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use serde::{Deserialize, Serialize};

use super::Trick;

/// See the module.
pub const TRICKS: &[(&str, Trick)] = &[("count", |a, _| count(a.parsed(0)?))];

/// Connections and datagrams that arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// TCP connections from v4 peers.
    pub tcp4: u64,
    /// TCP connections from v6 peers.
    pub tcp6: u64,
    /// Datagrams from v4 peers.
    pub udp4: u64,
    /// Datagrams from v6 peers.
    pub udp6: u64,
}

fn count(port: u16) -> io::Result<()> {
    let any = SocketAddr::from(([0u16; 8], port));
    let (tcp, udp) = (TcpListener::bind(any)?, UdpSocket::bind(any)?);
    tcp.set_nonblocking(true)?;
    udp.set_nonblocking(true)?;
    println!("ready");
    let mut counts = Counts::default();
    for line in io::stdin().lock().lines() {
        line?;
        let (v4, v6) = drain(|| tcp.accept().map(|(_, peer)| peer))?;
        counts.tcp4 += v4;
        counts.tcp6 += v6;
        let (v4, v6) = drain(|| udp.recv_from(&mut [0; 64]).map(|(_, peer)| peer))?;
        counts.udp4 += v4;
        counts.udp6 += v6;
        println!("{}", serde_json::to_string(&counts)?);
        io::stdout().flush()?;
    }
    Ok(())
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
