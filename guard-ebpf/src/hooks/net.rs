//! Sockets: connecting and sending, by the peer's address; unix sockets, by the zone of their name.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface};

use super::{EACCES, News, conclude, report};
use crate::ancillary::leads_message_elsewhere;
use crate::checks::{self, network_boundary};
use crate::emit::Report;
use crate::kernel::{Msghdr, Sock, Socket};
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
    let Some(sock) = socket.sock() else { return -EACCES };
    let peer = peer::named(sock, address, len, Operation::Connect);
    send_to(&subject, Operation::Connect, peer, false, News::Tell)
}

// kernel: int security_socket_sendmsg(struct socket *sock, struct msghdr *msg, int size)
#[lsm(hook = "socket_sendmsg")]
pub fn socket_sendmsg(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (socket, message) = (Socket(ctx.arg(0)), Msghdr(ctx.arg(1)));
    let Some(sock) = socket.sock() else { return -EACCES };
    let is_led = sock.family() != peer::AF_UNIX && leads_message_elsewhere(message);
    let name = message.name();
    if name == 0 {
        // A connected socket: its peer was judged when it connected, and is again, since the policy or the
        // process may be another by now. Recorded only when refused.
        return send_to(&subject, Operation::Send, peer::connected(sock), is_led, News::Count);
    }
    let peer = peer::named(sock, name, message.name_len(), Operation::Send);
    send_to(&subject, Operation::Send, peer, is_led, News::Tell)
}

#[inline(always)]
fn send_to(subject: &Subject, operation: Operation, peer: Peer, is_led: bool, news: News) -> i32 {
    let surface = if peer.is_unix() { Surface::Ipc } else { Surface::Connect };
    let mut report = report(subject, operation, surface);
    report.object.addr = peer.addr;
    report.is_nameless = 1;
    report.port = peer.port;
    report.family = peer.family;
    report.protocol = peer.protocol;
    let verdict = judge(subject, surface, &peer, &mut report, news);
    // Where it goes may be allowed; by way of whom, nobody judged.
    let verdict = if is_led && verdict.is_ok() { Err(Reason::SourceRoute) } else { verdict };
    conclude(&mut report, verdict)
}

#[inline(always)]
fn judge(
    subject: &Subject,
    surface: Surface,
    peer: &Peer,
    report: &mut Report,
    news: News,
) -> Result<News, Reason> {
    checks::switches(subject, surface)?;
    peer.is_known()?;
    if !peer.has_address() {
        return Ok(News::Count);
    }
    let zone = peer::zone(subject, peer);
    report.zone = zone as u16;
    network_boundary::check(subject, zone, Surface::Connect)?;
    Ok(news)
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
