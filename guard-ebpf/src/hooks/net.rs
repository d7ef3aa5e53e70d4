//! Sockets: connecting and sending, by the peer's address; unix sockets, by the zone of their name.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface};

use super::socket::judge_peer;
use super::{EACCES, News, conclude, conclude_nameless, report};
use crate::ancillary::leads_message_elsewhere;
use crate::checks::{self, network_boundary};
use crate::emit::Report;
use crate::kernel::{Msghdr, Sock, Socket};
use crate::peer;
use crate::subject::Subject;
use crate::zone;

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
    let surface = surface_of(sock);
    let is_led = sock.family() != peer::AF_UNIX && leads_message_elsewhere(message);
    let mut report = report(&subject, Operation::Send, surface);
    let name = message.name();
    let mut verdict = Ok(News::Count);
    if name == 0 || peer::ignores_names(sock) {
        verdict = judge_peer(&subject, &peer::connected(sock), surface, &mut report, News::Count);
    }
    if name != 0 && verdict.is_ok() {
        let peer = peer::named(sock, name, message.name_len(), Operation::Send);
        verdict = judge_peer(&subject, &peer, surface, &mut report, News::Tell);
    }
    if is_led && verdict.is_ok() {
        // Where it goes may be allowed; by way of whom, nobody judged.
        verdict = Err(Reason::SourceRoute);
    }
    conclude_nameless(&mut report, verdict)
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
    let verdict = judge_unix(subject, other, &mut report, news);
    conclude(&mut report, verdict)
}

#[inline(always)]
fn judge_unix(subject: &Subject, other: Sock, report: &mut Report, news: News) -> Result<News, Reason> {
    checks::switches(subject, Surface::Ipc)?;
    let name = peer::unix_name(other)?;
    if !name.is_bound {
        // One end of a pair, or a client that bound to nothing: who holds it was given it.
        return Ok(News::Count);
    }
    report.object.place = name.place;
    let zone = zone::of_socket(subject, name.place)?;
    report.zone = zone as u16;
    network_boundary::check(subject, zone, Surface::Ipc)?;
    Ok(news)
}
