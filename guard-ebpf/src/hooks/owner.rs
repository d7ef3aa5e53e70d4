//! To whom a file's signals go. The kernel sends them when there is something to read or write, whoever happens to run
//! then; who chose the receiver is noted here, and answers for it. What could not be noted must not be chosen: a signal
//! of a file without a note is taken for the host's.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::limits::FILE_OWNERS_MAX;
use guard_common::{Operation, Reason, Surface};

use super::descriptor::judge_access;
use super::process::reach_as;
use super::{News, conclude, conclude_nameless, defined, report};
use crate::atomic;
use crate::checks::kill_switch;
use crate::fail::{self, Fault};
use crate::kernel::{File, Task};
use crate::maps::{FILE_OWNERS, FILE_OWNERS_HELD};
use crate::subject::Subject;

/// `BPF_NOEXIST`: adds a row, and changes none.
const NOEXIST: u64 = 1;
/// `BPF_EXIST`: changes a row, and adds none.
const EXIST: u64 = 2;

// kernel: void security_file_set_fowner(struct file *file)
//
// Under the file's lock, for everybody's: the address may have been an agent's before.
#[lsm(hook = "file_set_fowner")]
pub fn file_set_fowner(ctx: LsmContext) -> i32 {
    let owner = File(ctx.arg(0)).owner();
    match Subject::current() {
        Some(subject) => note(owner, subject.mark()),
        None if FILE_OWNERS.remove(owner).is_ok() => held(-1),
        None => 0,
    }
}

#[inline(always)]
fn note(owner: u64, mark: u32) -> i32 {
    if FILE_OWNERS.insert(owner, mark, EXIST).is_ok() {
        return 0;
    }
    match FILE_OWNERS.insert(owner, mark, NOEXIST) {
        Ok(()) => held(1),
        Err(errno) => {
            fail::count(Fault::OwnerNote, i64::from(errno));
            0
        }
    }
}

#[inline(always)]
fn held(more: i64) -> i32 {
    if let Some(held) = FILE_OWNERS_HELD.get_ptr_mut(0) {
        atomic::fetch_add(held, more as u64);
    }
    0
}

/// Whether there is room for one that is chosen now.
#[inline(always)]
pub(super) fn may_be_chosen() -> Result<(), Reason> {
    let is_room = FILE_OWNERS_HELD.get(0).is_some_and(|held| *held < u64::from(FILE_OWNERS_MAX / 2));
    if is_room && !fail::injected(Fault::OwnerNote) { Ok(()) } else { Err(fail::closed(Fault::OwnerNote, 0)) }
}

const F_SETLEASE: u32 = 1024;

/// Calls that choose a receiver, or may choose one where none is.
#[inline(always)]
fn chooses(command: u32, argument: u64) -> bool {
    const F_SETFL: u32 = 4;
    const F_SETOWN: u32 = 8;
    const F_SETOWN_EX: u32 = 15;
    const F_NOTIFY: u32 = 1026;
    const O_ASYNC: u64 = 0o20_000;
    command == F_SETOWN
        || command == F_SETOWN_EX
        || command == F_NOTIFY
        || (command == F_SETFL && argument & O_ASYNC != 0)
}

// kernel: int security_file_fcntl(struct file *file, unsigned int cmd, unsigned long arg)
#[lsm(hook = "file_fcntl")]
pub fn file_fcntl(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (command, argument) = (ctx.arg::<u32>(1), ctx.arg::<u64>(2));
    if command == F_SETLEASE {
        return lease(&subject, File(ctx.arg(0)));
    }
    if !chooses(command, argument) {
        return 0;
    }
    let mut report = report(&subject, Operation::Signal, Surface::Ipc);
    let verdict = kill_switch::check(&subject).and_then(|()| may_be_chosen()).map(|()| News::Count);
    conclude_nameless(&mut report, verdict)
}

/// Whoever opens the file next waits for whoever holds a lease, and its signal goes there. That takes what writing takes.
#[inline(always)]
fn lease(subject: &Subject, file: File) -> i32 {
    let mut report = report(subject, Operation::Access, Surface::Write);
    report.object.place = file.place();
    let verdict = judge_access(subject, file, Surface::Write, &mut report).and_then(|_| may_be_chosen());
    conclude(&mut report, defined(verdict.map(|()| News::Count)))
}

// kernel: int security_file_send_sigiotask(struct task_struct *tsk, struct fown_struct *fown, int sig)
#[lsm(hook = "file_send_sigiotask")]
pub fn file_send_sigiotask(ctx: LsmContext) -> i32 {
    // SAFETY: copied at once.
    let Some(mark) = (unsafe { FILE_OWNERS.get(ctx.arg::<u64>(1)) }).copied() else { return 0 };
    // 0 stands for the usual one, SIGIO.
    let signal: u32 = ctx.arg(2);
    let signal = if signal == 0 { 29 } else { signal };
    reach_as(&Subject::of_mark(mark), Operation::Signal, Task(ctx.arg(0)), signal, false)
}
