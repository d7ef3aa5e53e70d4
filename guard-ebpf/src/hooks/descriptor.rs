//! Descriptors that are open already: those that an agent was born with or was handed, and those whose policy
//! has changed since. Opening is judged in `file`; what crosses here was opened by somebody else, or before.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface, ZoneId};

use super::owner;
use super::settled::is_settled;
use super::socket;
use super::{News, conclude, file, report};
use crate::checks::{self, kill_switch, network_boundary};
use crate::digest;
use crate::emit::Report;
use crate::kernel::{File, Task, offsets, raw};
use crate::maps::GIVEN;
use crate::subject::Subject;
use crate::zone;
use guard_common::map::zone::GivenKey;

const MAY_WRITE: u32 = 2;
const FMODE_PATH: u32 = 0x4000;

// kernel: int security_file_permission(struct file *file, int mask)
//
// Every read and write. Pipes and sockets are judged where they lead, and when they are made, bound or received.
#[lsm(hook = "file_permission")]
pub fn file_permission(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (file, mask) = (File(ctx.arg(0)), ctx.arg::<u32>(1));
    let inode = file.inode();
    let surface = if mask & MAY_WRITE != 0 { Surface::Write } else { Surface::Read };
    let surface = if file.is_opened_to_run() { Surface::Exec } else { surface };
    let has_content = inode.has_content();
    if has_content && is_settled(&subject, file, Operation::Access, 1 << surface as u32) {
        return 0;
    }
    let mut report = report(&subject, Operation::Access, surface);
    let verdict = if has_content {
        report.object.place = file.place();
        judge_access(&subject, file, surface, &mut report)
    } else if offsets::sends_pages() && surface == Surface::Write && inode.is_socket() {
        // `sendfile` and `splice` reach a socket by no other hook.
        socket::judge_sending(&subject, file, &mut report)
    } else if Task::current().rings() != 0
        && let Err(reason) = kill_switch::check(&subject)
    {
        // A ring goes on while its agent is frozen.
        report.is_nameless = 1;
        Err(reason)
    } else {
        return 0;
    };
    conclude(&mut report, verdict)
}

#[inline(always)]
pub(super) fn judge_access(
    subject: &Subject,
    file: File,
    surface: Surface,
    report: &mut Report,
) -> Result<News, Reason> {
    report.surface = surface as u16;
    if file.is_beneath_another() {
        checks::switches(subject, surface)?;
        return Ok(News::Count);
    }
    let verdict = judge_uses(subject, file, Operation::Access, 1 << surface as u32, report);
    if surface == Surface::Exec && digest::is_asked(subject) {
        // The kernel reads what it is about to start: judged there, by its digest too.
        return verdict.or(Ok(News::Count));
    }
    excused(subject, file, verdict)
}

/// Every surface of `uses`, on the file's zone.
#[inline(always)]
fn judge_uses(
    subject: &Subject,
    file: File,
    operation: Operation,
    uses: u32,
    report: &mut Report,
) -> Result<News, Reason> {
    let surface = if uses & (1 << Surface::Write as u32) != 0 {
        Surface::Write
    } else if uses & (1 << Surface::Exec as u32) != 0 {
        Surface::Exec
    } else {
        Surface::Read
    };
    report.surface = surface as u16;
    checks::switches(subject, surface)?;
    let seen = zone::of_file(subject, file, operation, 0)?;
    report.zone = seen.zone as u16;
    network_boundary::check(subject, seen.zone, surface)?;
    if surface == Surface::Write && uses & (1 << Surface::Read as u32) != 0 {
        report.surface = Surface::Read as u16;
        checks::surface::check(Surface::Read)?;
        network_boundary::check(subject, seen.zone, Surface::Read)?;
    }
    Ok(News::Count)
}

/// A refusal that does not hold: what the launcher gave is the agent's to use.
#[inline(always)]
fn excused(subject: &Subject, file: File, verdict: Result<News, Reason>) -> Result<News, Reason> {
    match verdict {
        Err(Reason::NoEdge | Reason::EdgeDenies | Reason::UnresolvedObject)
            if is_given(subject.agent, file) != 0 =>
        {
            Ok(News::Count)
        }
        verdict => verdict,
    }
}

/// A function of its own: its key does not lie under a walk.
#[inline(never)]
pub(super) fn is_given(agent: u32, file: File) -> u32 {
    let key = GivenKey { ino: file.inode().ino(), dev: file.inode().dev(), agent };
    // SAFETY: nothing is read.
    u32::from(unsafe { GIVEN.get(key) }.is_some())
}

// kernel: int security_file_truncate(struct file *file)
//
// Since 6.2; before, `path_truncate` sees it.
#[lsm(hook = "file_truncate")]
pub fn file_truncate(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let file = File(ctx.arg(0));
    let mut report = report(&subject, Operation::Truncate, Surface::Write);
    report.object.place = file.place();
    let verdict = judge_access(&subject, file, Surface::Write, &mut report);
    conclude(&mut report, verdict)
}

// kernel: int security_file_receive(struct file *file)
//
// A descriptor that another process hands over.
#[lsm(hook = "file_receive")]
pub fn file_receive(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let file = File(ctx.arg(0));
    let mut report = report(&subject, Operation::Receive, Surface::Read);
    let verdict = judge_received(&subject, file, &mut report);
    conclude(&mut report, verdict)
}

#[inline(always)]
fn judge_received(subject: &Subject, file: File, report: &mut Report) -> Result<News, Reason> {
    kill_switch::check(subject)?;
    let inode = file.inode();
    if inode.is_socket() {
        // Judged by `socket_receive`.
        return Ok(News::Count);
    }
    report.object.place = file.place();
    if !inode.has_content() {
        return judge_kernel_object(subject, file, report);
    }
    if file.mode() & FMODE_PATH != 0 {
        // A place, not an object: what is opened through it is judged then.
        return Ok(News::Count);
    }
    judge_uses(subject, file, Operation::Receive, file::uses(file::wanted(file)), report)
}

/// Descriptors without content: pipes, timers, events are harmless; a ring's own thread, and the kernel's programs
/// and maps, act for whoever holds them.
#[inline(always)]
fn judge_kernel_object(subject: &Subject, file: File, report: &mut Report) -> Result<News, Reason> {
    const RING: [u8; 4] = *b"[io_";
    const BPF: [u8; 4] = *b"bpf-";
    const BPF_OTHER: [u8; 4] = *b"bpf_";
    let name: [u8; 4] = raw::read(file.dentry().name());
    if name == RING || name == BPF || name == BPF_OTHER {
        report.surface = Surface::Admin as u16;
        report.zone = ZoneId::HOST.0;
        checks::switches(subject, Surface::Admin)?;
        network_boundary::check(subject, u32::from(ZoneId::HOST.0), Surface::Admin)?;
    }
    Ok(News::Count)
}

/// Requests that put words into a terminal's input, or change what it is: whoever reads there next obeys.
#[inline(always)]
fn is_injection(request: u32) -> bool {
    const TIOCSTI: u32 = 0x5412;
    const TIOCLINUX: u32 = 0x541c;
    const TIOCCONS: u32 = 0x541d;
    const TIOCSSERIAL: u32 = 0x541f;
    const TIOCSETD: u32 = 0x5423;
    const TIOCVHANGUP: u32 = 0x5437;
    // Keyboard maps, fonts and switches of the console.
    let is_console = request >> 8 == 0x4b || request >> 8 == 0x56;
    is_console
        || request == TIOCSTI
        || request == TIOCLINUX
        || request == TIOCCONS
        || request == TIOCSSERIAL
        || request == TIOCSETD
        || request == TIOCVHANGUP
}

/// Requests that choose to whom a descriptor's signals go: `FIOSETOWN`, `SIOCSPGRP`, and `FIOASYNC` where none is chosen.
#[inline(always)]
fn is_choice_of_owner(request: u32) -> bool {
    request == 0x8901 || request == 0x8902 || request == 0x5452
}

/// Requests that change nothing of a file: those whose number says that they only read, and the old ones that say
/// nothing: terminals' (asked of every file), `FIBMAP`, `FIGETBSZ`, `FS_IOC_FIEMAP`, `FS_IOC_MEASURE_VERITY`.
#[inline(always)]
fn only_reads(request: u32) -> bool {
    const READS: u32 = 2;
    const FIEMAP: u32 = 0xc020_660b;
    const MEASURE_VERITY: u32 = 0xc004_6686;
    request >> 30 == READS
        || request >> 8 == 0x54
        || request == 1
        || request == 2
        || request == FIEMAP
        || request == MEASURE_VERITY
}

#[inline(always)]
fn control(file: File, request: u32) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let mut report = report(&subject, Operation::Ioctl, Surface::Write);
    report.object.place = file.place();
    report.detail = request as u16;
    let verdict = judge_control(&subject, file, request, &mut report);
    conclude(&mut report, verdict)
}

#[inline(always)]
fn judge_control(subject: &Subject, file: File, request: u32, report: &mut Report) -> Result<News, Reason> {
    kill_switch::check(subject)?;
    let inode = file.inode();
    if inode.is_character_device() && is_injection(request) {
        report.surface = Surface::Ipc as u16;
        report.zone = ZoneId::HOST.0;
        checks::switches(subject, Surface::Ipc)?;
        network_boundary::check(subject, u32::from(ZoneId::HOST.0), Surface::Ipc)?;
        return Ok(News::Tell);
    }
    if is_choice_of_owner(request) {
        owner::may_be_chosen()?;
    }
    if !inode.has_content() || only_reads(request) || file.is_beneath_another() {
        return Ok(News::Count);
    }
    let verdict = judge_uses(subject, file, Operation::Ioctl, 1 << Surface::Write as u32, report);
    excused(subject, file, verdict)
}

// kernel: int security_file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
#[lsm(hook = "file_ioctl")]
pub fn file_ioctl(ctx: LsmContext) -> i32 {
    control(File(ctx.arg(0)), ctx.arg(1))
}

// kernel: int security_file_ioctl_compat(struct file *file, unsigned int cmd, unsigned long arg)
#[lsm(hook = "file_ioctl_compat")]
pub fn file_ioctl_compat(ctx: LsmContext) -> i32 {
    control(File(ctx.arg(0)), ctx.arg(1))
}
