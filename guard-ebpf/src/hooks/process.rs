//! Other processes: looking into them, changing them, signalling them. An agent's own are its own business.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface, ZoneId};

use super::{EACCES, News, conclude_nameless, report, silent};
use crate::arguments;
use crate::checks::{self, kill_switch, network_boundary};
use crate::emit::{Object, Report};
use crate::kernel::Task;
use crate::subject::{Subject, label_of};

#[inline(always)]
fn reach(operation: Operation, target: Task, detail: u32, is_probe: bool) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    reach_as(&subject, operation, target, detail, is_probe)
}

#[inline(always)]
pub(super) fn reach_as(
    subject: &Subject,
    operation: Operation,
    target: Task,
    detail: u32,
    is_probe: bool,
) -> i32 {
    let mut report = report(subject, operation, Surface::Ipc);
    report.detail = detail as u16;
    let ids = u64::from(target.pid()) | (u64::from(target.tgid()) << 32);
    report.object = Object { task: [ids, target.leader().start_boot_ns()] };
    let verdict = judge(subject, target, &mut report);
    if is_probe {
        // The kernel asks for every process that is listed; nobody tried anything.
        return silent(verdict, EACCES);
    }
    conclude_nameless(&mut report, verdict)
}

#[inline(always)]
fn judge(subject: &Subject, target: Task, report: &mut Report) -> Result<News, Reason> {
    kill_switch::check(subject)?;
    let zone = match label_of(target) {
        Some(label) if label.agent == subject.agent => return judge_own(subject, target, report),
        Some(_) => ZoneId::FOREIGN,
        None => ZoneId::HOST,
    };
    report.zone = zone.0;
    checks::switches(subject, Surface::Ipc)?;
    network_boundary::check(subject, u32::from(zone.0), Surface::Ipc)?;
    Ok(News::Tell)
}

/// Of the agent's own processes nothing is asked, but that whoever traces one writes into its code, and into arguments
/// that were judged.
#[inline(always)]
fn judge_own(subject: &Subject, target: Task, report: &mut Report) -> Result<News, Reason> {
    if report.operation == Operation::Trace as u16 && report.detail != 0 {
        if report.detail == PTRACE_MODE_ATTACH as u16 && arguments::are_judged(target) {
            report.surface = Surface::Exec as u16;
            return Err(Reason::Traced);
        }
        report.zone = ZoneId::MEMORY.0;
        report.surface = Surface::Exec as u16;
        checks::switches(subject, Surface::Exec)?;
        network_boundary::check(subject, u32::from(ZoneId::MEMORY.0), Surface::Exec)?;
    }
    Ok(News::Count)
}

const PTRACE_MODE_ATTACH: u32 = 2;
const PTRACE_MODE_NOAUDIT: u32 = 4;
/// No mode of the kernel's: the one who asks is the one who is traced.
const TRACEME: u32 = 1;

// kernel: int security_ptrace_access_check(struct task_struct *child, unsigned int mode)
//
// Also what reads a process's memory, environment, descriptors and namespaces in /proc.
#[lsm(hook = "ptrace_access_check")]
pub fn ptrace_access_check(ctx: LsmContext) -> i32 {
    let mode: u32 = ctx.arg(1);
    reach(Operation::Trace, Task(ctx.arg(0)), mode & PTRACE_MODE_ATTACH, mode & PTRACE_MODE_NOAUDIT != 0)
}

// kernel: int security_ptrace_traceme(struct task_struct *parent)
#[lsm(hook = "ptrace_traceme")]
pub fn ptrace_traceme(ctx: LsmContext) -> i32 {
    reach(Operation::Trace, Task(ctx.arg(0)), TRACEME, false)
}

// kernel: int security_task_kill(struct task_struct *p, struct kernel_siginfo *info, int sig, const struct cred *cred)
#[lsm(hook = "task_kill")]
pub fn task_kill(ctx: LsmContext) -> i32 {
    let signal: u32 = ctx.arg(2);
    if signal == 0 {
        // Asks whether the process is there.
        return 0;
    }
    reach(Operation::Signal, Task(ctx.arg(0)), signal, false)
}

// kernel: int security_task_setnice(struct task_struct *p, int nice)
#[lsm(hook = "task_setnice")]
pub fn task_setnice(ctx: LsmContext) -> i32 {
    reach(Operation::Trace, Task(ctx.arg(0)), 0, false)
}

// kernel: int security_task_setioprio(struct task_struct *p, int ioprio)
#[lsm(hook = "task_setioprio")]
pub fn task_setioprio(ctx: LsmContext) -> i32 {
    reach(Operation::Trace, Task(ctx.arg(0)), 0, false)
}

// kernel: int security_task_setscheduler(struct task_struct *p)
#[lsm(hook = "task_setscheduler")]
pub fn task_setscheduler(ctx: LsmContext) -> i32 {
    reach(Operation::Trace, Task(ctx.arg(0)), 0, false)
}

// kernel: int security_task_movememory(struct task_struct *p)
#[lsm(hook = "task_movememory")]
pub fn task_movememory(ctx: LsmContext) -> i32 {
    reach(Operation::Trace, Task(ctx.arg(0)), 0, false)
}

// kernel: int security_task_setrlimit(struct task_struct *p, unsigned int resource, struct rlimit *new_rlim)
//
// A limit set on another process can end it.
#[lsm(hook = "task_setrlimit")]
pub fn task_setrlimit(ctx: LsmContext) -> i32 {
    reach(Operation::Trace, Task(ctx.arg(0)), 0, false)
}
