//! A peer that is allowed first, and another one after it: past the connection, in the same call, by a new one.

use std::io::{self, IoSlice, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};

use super::datagram::udp;
use super::{CONNECT, Cases, SEND, Trick, alike};
use crate::act::{Args, SENT, way};
use crate::harness::server::{A4, A4_NEAR, D4};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("udp-connected-elsewhere", |a, _| {
            let udp = udp(a.parsed(0)?)?;
            udp.connect(a.parsed::<SocketAddr>(0)?)?;
            udp.send_to(SENT, a.parsed::<SocketAddr>(1)?).map(drop)
        }),
        way("udp-many", many),
    ],
    python: Some(include_str!("second_peer.py")),
    cases,
};

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
    // The call tells how many have left; why the next one has not, it keeps to itself.
    if sent == peers.len() { Ok(()) } else { Err(io::Error::from_raw_os_error(nix::libc::EACCES)) }
}

fn cases() -> Cases {
    let (to, allowed) = (format!("{A4_NEAR} {D4}"), format!("{A4} {A4}"));
    let second = |id, sentence, refusal, way| alike(id, sentence, refusal, way, &to, &allowed);
    [
        second("N07", "a_datagram_past_the_connected_peer_does_not_leave", SEND, "udp-connected-elsewhere"),
        second("N07b", "a_second_connect_opens_nothing_new", CONNECT, "!net.second_peer.reconnected"),
        second("N08", "a_dissolved_connection_opens_nothing_new", SEND, "!net.second_peer.dissolved"),
        second("N08e", "a_dissolved_stream_opens_nothing_new", CONNECT, "!net.second_peer.dissolved_tcp"),
        second("N11", "the_second_of_many_datagrams_does_not_leave", SEND, "udp-many"),
    ]
    .into()
}
