//! Sockets: connecting and sending, by the peer's address; unix sockets, by the zone of their name.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface};

use super::descriptor::is_given;
use super::socket::{judge_peer, judge_unix, judge_unix_peer};
use super::{EACCES, News, conclude, conclude_nameless, report};
use crate::ancillary::leads_message_elsewhere;
use crate::kernel::{Msghdr, Sock, Socket};
use crate::peer;
use crate::subject::Subject;

// kernel: int security_socket_connect(struct socket *sock, struct sockaddr *address, int addrlen)
//
// The address is the kernel's copy: another thread cannot change it any more.
#[lsm(hook = "socket_connect")]
pub fn socket_connect(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (socket, address, len) = (Socket(ctx.arg(0)), ctx.arg::<u64>(1), ctx.arg::<i32>(2));
    let Some(sock) = socket.sock() else { return -EACCES };
    let surface = surface_of(sock);
    let mut report = report(&subject, Operation::Connect, surface);
    let peer = peer::named(sock, address, len, Operation::Connect);
    let verdict = judge_peer(&subject, &peer, surface, &mut report, News::Tell);
    conclude_nameless(&mut report, verdict)
}

// kernel: int security_socket_sendmsg(struct socket *sock, struct msghdr *msg, int size)
//
// The peer of a connected socket was judged when it connected, and is again, since the policy or the process may be
// another by now: recorded only when refused. A stream sends there whatever address is named beside it.
#[lsm(hook = "socket_sendmsg")]
pub fn socket_sendmsg(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (socket, message) = (Socket(ctx.arg(0)), Msghdr(ctx.arg(1)));
    let Some(sock) = socket.sock() else { return -EACCES };
    if sock.family() == peer::AF_UNIX {
        send_unix(&subject, socket, sock)
    } else {
        send(&subject, sock, message)
    }
}

/// A function of its own, as is the next: what the one keeps on the stack does not lie under the other's walk.
#[inline(never)]
fn send(subject: &Subject, sock: Sock, message: Msghdr) -> i32 {
    let surface = Surface::Connect;
    let is_led = leads_message_elsewhere(message);
    let mut report = report(subject, Operation::Send, surface);
    let name = message.name();
    let mut verdict = Ok(News::Count);
    if name == 0 || peer::ignores_names(sock) {
        verdict = judge_peer(subject, &peer::connected(sock), surface, &mut report, News::Count);
    }
    if name != 0 && verdict.is_ok() {
        let peer = peer::named(sock, name, message.name_len(), Operation::Send);
        verdict = judge_peer(subject, &peer, surface, &mut report, News::Tell);
    }
    if is_led && verdict.is_ok() {
        // Where it goes may be allowed; by way of whom, nobody judged.
        verdict = Err(Reason::SourceRoute);
    }
    conclude_nameless(&mut report, verdict)
}

/// By the name of what it is connected to. A datagram that names somebody else is judged where the kernel has found
/// him, in `unix_may_send`.
#[inline(never)]
fn send_unix(subject: &Subject, socket: Socket, sock: Sock) -> i32 {
    let mut report = report(subject, Operation::Send, Surface::Ipc);
    report.family = peer::AF_UNIX;
    let verdict = match judge_unix_peer(subject, sock, &mut report) {
        // The journal, most likely, which a unit has for its output.
        Err(Reason::NoEdge | Reason::EdgeDenies | Reason::UnresolvedObject)
            if socket.file().checked().is_some_and(|file| is_given(subject.agent, file) != 0) =>
        {
            Ok(News::Count)
        }
        verdict => verdict,
    };
    conclude(&mut report, verdict)
}

#[inline(always)]
fn surface_of(sock: Sock) -> Surface {
    if sock.family() == peer::AF_UNIX { Surface::Ipc } else { Surface::Connect }
}

// kernel: int security_unix_stream_connect(struct sock *sock, struct sock *other, struct sock *newsk)
#[lsm(hook = "unix_stream_connect")]
pub fn unix_stream_connect(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    unix_peer(&subject, Sock(ctx.arg(1)), News::Tell)
}

// kernel: int security_unix_may_send(struct socket *sock, struct socket *other)
#[lsm(hook = "unix_may_send")]
pub fn unix_may_send(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let Some(other) = Socket(ctx.arg(1)).sock() else { return -EACCES };
    unix_peer(&subject, other, News::Count)
}

#[inline(always)]
fn unix_peer(subject: &Subject, other: Sock, news: News) -> i32 {
    let mut report = report(subject, Operation::UnixConnect, Surface::Ipc);
    report.family = peer::AF_UNIX;
    let verdict = judge_unix(subject, peer::unix_name(other), &mut report, news);
    conclude(&mut report, verdict)
}
