//! Sockets before they speak: which kinds there may be, which addresses they take, whose peers they wait for, and
//! options that would lead packets elsewhere. What they send is judged in `net`.

use aya_ebpf::helpers::generated::bpf_sock_from_file;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface};

use super::{EACCES, News, conclude, conclude_nameless, report};
use crate::checks::{self, kill_switch, network_boundary};
use crate::emit::Report;
use crate::kernel::{File, Sock, Socket};
use crate::peer::{self, Peer, UnixName};
use crate::subject::Subject;
use crate::zone;

// kernel: int security_file_receive(struct file *file)
//
// A socket that another process hands over: by its peer, or by the name of what it is connected to. One that listens
// is judged when it accepts. Beside the program for files, because the two would not fit on one stack.
#[lsm(hook = "file_receive")]
pub fn socket_receive(ctx: LsmContext) -> i32 {
    let file = File(ctx.arg(0));
    if !file.inode().is_socket() {
        return 0;
    }
    let Some(subject) = Subject::current() else { return 0 };
    let Some(sock) = sock_of(file) else { return 0 };
    let mut report = report(&subject, Operation::Receive, Surface::Connect);
    let verdict = if sock.family() == peer::AF_UNIX {
        judge_unix_peer(&subject, sock, &mut report)
    } else {
        report.is_nameless = 1;
        judge_connected(&subject, sock, &mut report)
    };
    conclude(&mut report, verdict)
}

#[inline(always)]
fn sock_of(file: File) -> Option<Sock> {
    // SAFETY: a file that the verifier trusts.
    let socket = Socket(unsafe { bpf_sock_from_file(file.0.cast_mut().cast()) }.cast_const().cast());
    socket.checked()?.sock()
}

/// Sending on a socket through its descriptor.
#[inline(always)]
pub(super) fn judge_sending(subject: &Subject, file: File, report: &mut Report) -> Result<News, Reason> {
    match sock_of(file) {
        Some(sock) if sock.family() != peer::AF_UNIX => {
            report.is_nameless = 1;
            judge_connected(subject, sock, report)
        }
        _ => Ok(News::Count),
    }
}

#[inline(always)]
fn judge_connected(subject: &Subject, sock: Sock, report: &mut Report) -> Result<News, Reason> {
    match judge_held(subject.mark(), subject.generation, sock, report) {
        0 => Ok(News::Count),
        reason => Err(Reason::from_raw(reason as u16).unwrap_or(Reason::KernelFault)),
    }
}

/// A connected socket, by its peer. Gives 0, or the reason of the refusal.
///
/// A function of its own: what it keeps on the stack does not lie under a walk.
#[inline(never)]
fn judge_held(mark: u32, generation: u64, sock: Sock, report: &mut Report) -> u32 {
    let subject = Subject::of_parts(mark, 0, generation);
    match judge_peer(&subject, &peer::connected(sock), Surface::Connect, report, News::Count) {
        Ok(_) => 0,
        Err(reason) => reason as u32,
    }
}

/// What a unix socket is connected to, by its name.
#[inline(always)]
pub(super) fn judge_unix_peer(subject: &Subject, sock: Sock, report: &mut Report) -> Result<News, Reason> {
    report.surface = Surface::Ipc as u16;
    judge_unix(subject, peer::unix_peer_name(sock), report, News::Count)
}

/// A unix socket, by the name that it is bound to.
#[inline(always)]
pub(super) fn judge_unix(
    subject: &Subject,
    name: Result<UnixName, Reason>,
    report: &mut Report,
    news: News,
) -> Result<News, Reason> {
    checks::switches(subject, Surface::Ipc)?;
    let name = name?;
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

/// A peer, by the zone of its address. The report is about it from then on.
#[inline(always)]
pub(super) fn judge_peer(
    subject: &Subject,
    peer: &Peer,
    surface: Surface,
    report: &mut Report,
    news: News,
) -> Result<News, Reason> {
    report.surface = surface as u16;
    report.object.addr = peer.addr;
    report.port = peer.port;
    report.family = peer.family;
    report.protocol = peer.protocol;
    checks::switches(subject, surface)?;
    peer.is_known()?;
    if !peer.has_address() {
        return Ok(News::Count);
    }
    let zone = peer::zone(subject, peer)?;
    report.zone = zone as u16;
    network_boundary::check(subject, zone, surface)?;
    Ok(news)
}

// kernel: int security_socket_create(int family, int type, int protocol, int kern)
#[lsm(hook = "socket_create")]
pub fn socket_create(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (family, kind, protocol, kern) =
        (ctx.arg::<u32>(0), ctx.arg::<u32>(1), ctx.arg::<u32>(2), ctx.arg::<u32>(3));
    if kern != 0 {
        // The kernel's own, on the way of something that was judged.
        return 0;
    }
    let surface = if family == u32::from(peer::AF_UNIX) { Surface::Ipc } else { Surface::Connect };
    let mut report = report(&subject, Operation::Socket, surface);
    report.family = family as u16;
    report.protocol = protocol as u16;
    let verdict = judge_kind(&subject, family, kind, protocol);
    conclude_nameless(&mut report, verdict)
}

#[inline(always)]
fn judge_kind(subject: &Subject, family: u32, kind: u32, protocol: u32) -> Result<News, Reason> {
    kill_switch::check(subject)?;
    if peer::may_be_made(family, kind, protocol) { Ok(News::Count) } else { Err(Reason::UnknownFamily) }
}

// kernel: int security_socket_bind(struct socket *sock, struct sockaddr *address, int addrlen)
//
// The address is the kernel's copy. Without a port it is a sender's; one that listens is judged again.
#[lsm(hook = "socket_bind")]
pub fn socket_bind(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (socket, address, len) = (Socket(ctx.arg(0)), ctx.arg::<u64>(1), ctx.arg::<i32>(2));
    let Some(sock) = socket.sock() else { return -EACCES };
    let peer = peer::bound(sock, address, len);
    wait_at(&subject, Operation::Bind, &peer, News::Count)
}

// kernel: int security_socket_listen(struct socket *sock, int backlog)
#[lsm(hook = "socket_listen")]
pub fn socket_listen(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let Some(sock) = Socket(ctx.arg(0)).sock() else { return -EACCES };
    wait_at(&subject, Operation::Listen, &peer::local(sock), News::Tell)
}

// kernel: int security_socket_accept(struct socket *sock, struct socket *newsock)
//
// Also on a socket that was made by somebody else.
#[lsm(hook = "socket_accept")]
pub fn socket_accept(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let Some(sock) = Socket(ctx.arg(0)).sock() else { return -EACCES };
    wait_at(&subject, Operation::Accept, &peer::local(sock), News::Count)
}

#[inline(always)]
fn wait_at(subject: &Subject, operation: Operation, peer: &Peer, news: News) -> i32 {
    let mut report = report(subject, operation, Surface::Listen);
    let verdict = judge_peer(subject, peer, Surface::Listen, &mut report, news);
    conclude_nameless(&mut report, verdict)
}

/// Options that name addresses on a packet's way, or let a v6 packet carry any header: (level, option).
#[inline(always)]
pub fn leads_elsewhere(level: u32, option: u32) -> bool {
    const IPPROTO_IP: u32 = 0;
    const IPPROTO_IPV6: u32 = 41;
    const IP_OPTIONS: u32 = 4;
    const IPV6_2292PKTOPTIONS: u32 = 6;
    const IPV6_2292HOPOPTS: u32 = 3;
    const IPV6_2292DSTOPTS: u32 = 4;
    const IPV6_2292RTHDR: u32 = 5;
    const IPV6_NEXTHOP: u32 = 9;
    const IPV6_FLOWLABEL_MGR: u32 = 32;
    const IPV6_RTHDRDSTOPTS: u32 = 55;
    const IPV6_RTHDR: u32 = 57;
    (level == IPPROTO_IP && option == IP_OPTIONS)
        || (level == IPPROTO_IPV6
            && (option == IPV6_2292PKTOPTIONS
                || option == IPV6_2292HOPOPTS
                || option == IPV6_2292DSTOPTS
                || option == IPV6_2292RTHDR
                || option == IPV6_NEXTHOP
                || option == IPV6_FLOWLABEL_MGR
                || option == IPV6_RTHDRDSTOPTS
                || option == IPV6_RTHDR))
}

// kernel: int security_socket_setsockopt(struct socket *sock, int level, int optname)
#[lsm(hook = "socket_setsockopt")]
pub fn socket_setsockopt(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (level, option) = (ctx.arg::<u32>(1), ctx.arg::<u32>(2));
    let mut report = report(&subject, Operation::SocketOption, Surface::Connect);
    report.family = Socket(ctx.arg(0)).sock().map_or(0, Sock::family);
    report.detail = option as u16;
    let verdict = if leads_elsewhere(level, option) {
        Err(Reason::SourceRoute)
    } else {
        kill_switch::check(&subject).map(|()| News::Count)
    };
    conclude_nameless(&mut report, verdict)
}
