//! A unix socket by its name: each type, with and without `connect`.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{MsgFlags, SockType, UnixAddr, connect, send, sendto};

use super::{Cases, Trick, on_socket};
use crate::act::unix::{name, open};
use crate::act::{SENT, way};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("unix-stream", |a, _| connected(SockType::Stream, &name(a, 0)?)),
        way("unix-seqpacket", |a, _| connected(SockType::SeqPacket, &name(a, 0)?)),
        way("unix-datagram-connected", |a, _| connected(SockType::Datagram, &name(a, 0)?)),
        way("unix-datagram", |a, _| to_name(&open(SockType::Datagram)?, &name(a, 0)?)),
        way("unix-datagram-connected-elsewhere", |a, _| {
            let fd = open(SockType::Datagram)?;
            connect(fd.as_raw_fd(), &name(a, 0)?)?;
            to_name(&fd, &name(a, 1)?)
        }),
    ],
    python: None,
    cases,
};

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

fn cases() -> Cases {
    let alike = |id, sentence, way: &str, name: &str| {
        let below = |folder: &str| format!("{way} {folder}/sockets/{name}");
        on_socket(id, sentence, &below("{pd}"), &below("{w}"))
    };
    [
        alike("I01", "a_stream_socket_is_not_reached", "unix-stream", "stream"),
        alike("I01b", "a_seqpacket_socket_is_not_reached", "unix-seqpacket", "seqpacket"),
        alike("I01c", "a_datagram_to_a_name_is_not_delivered", "unix-datagram", "datagram"),
        alike("I01d", "a_datagram_socket_does_not_connect", "unix-datagram-connected", "datagram"),
        on_socket(
            "I01e",
            "a_datagram_past_the_connected_peer_is_not_delivered",
            "unix-datagram-connected-elsewhere {w}/sockets/datagram {pd}/sockets/datagram",
            "unix-datagram-connected-elsewhere {w}/sockets/datagram {w}/sockets/datagram",
        ),
    ]
    .into()
}
