//! Acts with sockets. Nothing leaves this host: who is spoken to is the probe itself.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;

use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recvmsg,
    sendmsg, socket,
};

use super::act::Turn;
use super::raw;
use super::scene::Scene;

/// A socket of a family that no agent may have.
pub(super) fn create(_: &mut Scene, _: Turn) -> io::Result<()> {
    let protocol = SockProtocol::NetlinkKObjectUEvent;
    let made = socket(AddressFamily::Netlink, SockType::Datagram, SockFlag::SOCK_CLOEXEC, protocol);
    made.map(drop).map_err(io::Error::from)
}

pub(super) fn bind(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    let address = SockaddrIn::from(scene.free_address);
    Ok(nix::sys::socket::bind(scene.unbound[turn as usize].as_raw_fd(), &address)?)
}

pub(super) fn listen(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    Ok(nix::sys::socket::listen(&scene.bound[turn as usize], Backlog::new(1)?)?)
}

/// Nobody calls: not even that is told.
pub(super) fn accept(scene: &mut Scene, _: Turn) -> io::Result<()> {
    scene.listening.accept().map(drop)
}

pub(super) fn route(scene: &mut Scene, _: Turn) -> io::Result<()> {
    raw::set_source_route(scene.sender.as_fd())
}

pub(super) fn connect(scene: &mut Scene, _: Turn) -> io::Result<()> {
    scene.sender.connect(scene.receiver.local_addr()?)
}

pub(super) fn send(scene: &mut Scene, _: Turn) -> io::Result<()> {
    scene.other_sender.send_to(b"probe", scene.receiver.local_addr()?).map(drop)
}

pub(super) fn connect_unix(scene: &mut Scene, _: Turn) -> io::Result<()> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let made = socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(io::Error::from)?;
    let address = nix::sys::socket::UnixAddr::new(&scene.path("stream"))?;
    Ok(nix::sys::socket::connect(made.as_raw_fd(), &address)?)
}

pub(super) fn send_unix(scene: &mut Scene, _: Turn) -> io::Result<()> {
    scene.unix_sender.send_to(b"probe", scene.path("datagram")).map(drop)
}

pub(super) fn receive_file(scene: &mut Scene, _: Turn) -> io::Result<()> {
    receive(scene.files_waiting.as_fd())
}

pub(super) fn receive_socket(scene: &mut Scene, _: Turn) -> io::Result<()> {
    receive(scene.sockets_waiting.as_fd())
}

/// A descriptor that may not be had is left out of the message that it came with.
fn receive(from: BorrowedFd<'_>) -> io::Result<()> {
    let mut byte = [0];
    let mut room = nix::cmsg_space!([i32; 1]);
    let mut parts = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(from.as_raw_fd(), &mut parts, Some(&mut room), MsgFlags::MSG_CMSG_CLOEXEC)?;
    if message.flags.contains(MsgFlags::MSG_CTRUNC) { Err(nix::errno::Errno::EACCES.into()) } else { Ok(()) }
}

/// Two messages lie ready, each with this descriptor.
pub(super) fn messages_with(descriptor: BorrowedFd<'_>) -> io::Result<UnixDatagram> {
    let (receiver, sender) = UnixDatagram::pair()?;
    for _ in 0..2 {
        let descriptors = [descriptor.as_raw_fd()];
        let control = [ControlMessage::ScmRights(&descriptors)];
        let parts = [io::IoSlice::new(b"!")];
        sendmsg::<()>(sender.as_raw_fd(), &parts, &control, MsgFlags::empty(), None)?;
    }
    Ok(receiver)
}
