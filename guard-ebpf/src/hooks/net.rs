//! Sockets: connecting and sending, by the peer's address; unix sockets, by the zone of their name.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Surface};

use super::{allow, refuse, report};
use crate::checks::{self, network_boundary};
use crate::emit::Report;
use crate::kernel::{Msghdr, Sock, Socket, raw};
use crate::peer::{self, Peer};
use crate::subject::Subject;
use crate::zone;

// kernel: int security_socket_connect(struct socket *sock, struct sockaddr *address, int addrlen)
//
// The address is the kernel's copy: another thread cannot change it any more.
#[lsm(hook = "socket_connect")]
pub fn socket_connect(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (socket, address, len) = (Socket(ctx.arg(0)), ctx.arg::<u64>(1), ctx.arg::<i32>(2));
    let peer = peer::named(socket.sock(), address, len, Operation::Connect);
    send_to(&subject, Operation::Connect, peer, true)
}

// kernel: int security_socket_sendmsg(struct socket *sock, struct msghdr *msg, int size)
#[lsm(hook = "socket_sendmsg")]
pub fn socket_sendmsg(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (socket, message) = (Socket(ctx.arg(0)), Msghdr(ctx.arg(1)));
    let name = message.name();
    if name == 0 {
        // A connected socket: its peer was judged when it connected, and is again, since the policy or the
        // process may be another by now. Recorded only when refused.
        return send_to(&subject, Operation::Send, peer::connected(socket.sock()), false);
    }
    let peer = peer::named(socket.sock(), name, message.name_len(), Operation::Send);
    send_to(&subject, Operation::Send, peer, true)
}

#[inline(always)]
fn send_to(subject: &Subject, operation: Operation, peer: Peer, is_news: bool) -> i32 {
    let surface = if peer.is_unix() { Surface::Ipc } else { Surface::Connect };
    let mut report = report(subject, operation, surface);
    report.addr = peer.addr;
    report.port = peer.port;
    report.family = peer.family;
    report.protocol = peer.protocol;
    if let Err(reason) = checks::switches(subject, surface) {
        return refuse(report, reason);
    }
    if let Some(reason) = peer.refused() {
        return refuse(report, reason);
    }
    if !peer.has_address() {
        return 0;
    }
    report.zone = peer::zone(subject, &peer);
    match network_boundary::check(subject, report.zone, Surface::Connect) {
        Ok(()) if is_news => allow(report),
        Ok(()) => 0,
        Err(reason) => refuse(report, reason),
    }
}

// kernel: int security_unix_stream_connect(struct sock *sock, struct sock *other, struct sock *newsk)
#[lsm(hook = "unix_stream_connect")]
pub fn unix_stream_connect(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    unix_peer(&subject, Sock(ctx.arg(1)), true)
}

// kernel: int security_unix_may_send(struct socket *sock, struct socket *other)
#[lsm(hook = "unix_may_send")]
pub fn unix_may_send(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    unix_peer(&subject, Socket(ctx.arg(1)).sock(), false)
}

#[inline(always)]
fn unix_peer(subject: &Subject, other: Sock, is_news: bool) -> i32 {
    let mut report: Report = report(subject, Operation::UnixConnect, Surface::Ipc);
    report.family = peer::AF_UNIX;
    if let Err(reason) = checks::switches(subject, Surface::Ipc) {
        return refuse(report, reason);
    }
    let place = match peer::unix(other) {
        Ok(peer::Unix::Unnamed) => return 0,
        Ok(peer::Unix::Abstract) => raw::Place { dentry: 0, mount: 0 },
        Ok(peer::Unix::Path(place)) => place,
        Err(reason) => return refuse(report, reason),
    };
    report.dentry = place.dentry;
    report.mount = place.mount;
    report.zone = match zone::of_socket(subject, place) {
        Ok(zone) => zone,
        Err(reason) => return refuse(report, reason),
    };
    match network_boundary::check(subject, report.zone, Surface::Ipc) {
        Ok(()) if is_news => allow(report),
        Ok(()) => 0,
        Err(reason) => refuse(report, reason),
    }
}
