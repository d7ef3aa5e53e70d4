//! Who becomes an agent: by entering a tagged cgroup, by birth, or by being found in one. Nobody ceases to be.

use aya_ebpf::macros::{btf_tracepoint, lsm};
use aya_ebpf::programs::{BtfTracePointContext, LsmContext};
use guard_common::event::EventKind;
use guard_common::map::enrol::LABEL_WAITS;
use guard_common::map::label::{Label, MISSED};
use guard_common::{Operation, Reason, Surface, Verdict, ZoneId};

use super::{News, administer, conclude_nameless, report};
use crate::atomic;
use crate::checks::kill_switch;
use crate::diagnostics;
use crate::digest;
use crate::emit::{self, Object, Report};
use crate::enrol::{self, label_of_entered};
use crate::fail::{self, Fault};
use crate::kernel::{Cgroup, Runner, Task};
use crate::launcher::{self, When};
use crate::maps::ENTERED;
use crate::subject::{Subject, label_of, label_of_cgroup, set_label};

const CLONE_INTO_CGROUP: u64 = 1 << 33;

// kernel: int security_task_alloc(struct task_struct *task, unsigned long clone_flags)
#[lsm(hook = "task_alloc")]
pub fn task_alloc(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let mut report = report(&subject, Operation::Fork, Surface::Exec);
    let verdict = judge_birth(&subject, Task(ctx.arg(0)), ctx.arg(1), &mut report);
    conclude_nameless(&mut report, verdict)
}

#[inline(always)]
fn judge_birth(subject: &Subject, child: Task, flags: u64, report: &mut Report) -> Result<News, Reason> {
    kill_switch::check(subject)?;
    if flags & CLONE_INTO_CGROUP != 0 {
        // As if it were moved there: away from what freezes, limits and counts the agent.
        administer(subject, ZoneId::HOST.0, report)?;
        (report.zone, report.surface) = (0, Surface::Exec as u16);
    }
    // A child without a label would be free.
    match label_of(Task::current()) {
        Some(label) if !fail::injected(Fault::LabelInherit) && set_label(child, &label).is_ok() => {
            digest::make_room(child);
            Ok(News::Count)
        }
        _ => Err(fail::closed(Fault::LabelInherit, 0)),
    }
}

// kernel: trace_cgroup_attach_task(struct cgroup *dst_cgrp, const char *path, struct task_struct *task,
//                                  bool threadgroup)
//
// Once for a whole process, with its first thread.
#[btf_tracepoint(function = "cgroup_attach_task")]
pub fn cgroup_attach_task(ctx: BtfTracePointContext) -> i32 {
    let Some(label) = label_of_entered(Cgroup(ctx.arg(0))) else { return 0 };
    let (task, threadgroup) = (Task(ctx.arg(2)), ctx.arg::<u64>(3) & 1 != 0);
    if threadgroup {
        note_entered(1);
    }
    if label_of(task).is_none() {
        enrol(task, &label, Fault::LabelEnter, When::Entering);
    }
    0
}

// kernel: trace_sched_process_fork(struct task_struct *parent, struct task_struct *child)
//
// `clone3(CLONE_INTO_CGROUP)` puts a child into a cgroup without attaching it.
#[btf_tracepoint(function = "sched_process_fork")]
pub fn sched_process_fork(ctx: BtfTracePointContext) -> i32 {
    let child = Task(ctx.arg(1));
    if label_of(child).is_some() {
        return 0;
    }
    let (parent, cgroup) = (Task(ctx.arg(0)), child.cgroup());
    let stays = parent.cgroup().address() == cgroup.address();
    if stays
        && parent.storage() == 0
        && !enrol::is_used()
        && ENTERED.get(0).is_some_and(|entered| *entered == 0)
    {
        // Its parent is nobody's launcher, nor was it moved in, and labelled, since the child was begun.
        return 0;
    }
    let label = if stays { label_of_cgroup(cgroup) } else { label_of_entered(cgroup) };
    if let Some(label) = label {
        enrol(child, &label, Fault::LabelEnter, When::of(&label));
    }
    0
}

/// `struct bpf_iter__task`.
#[repr(C)]
struct IterTask {
    meta: *const core::ffi::c_void,
    task: *const core::ffi::c_void,
}

// kernel: struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; }
//
// Every thread of every process, on the daemon's request: after a process with threads was moved, and for
// processes that were in a cgroup before it was tagged.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
pub fn enrol_existing(ctx: *mut core::ffi::c_void) -> i32 {
    // SAFETY: the context of a task iterator.
    let Some(task) = Task(unsafe { (*ctx.cast::<IterTask>()).task }).checked() else { return 0 };
    if label_of(task).is_some() {
        digest::make_room(task);
        return 0;
    }
    if let Some(label) = label_of_cgroup(task.cgroup()) {
        enrol(task, &label, Fault::LabelExisting, When::of(&label));
    }
    0
}

/// Labels a task, unless it runs what sets the agent up: then it is labelled when it starts something else.
#[inline(always)]
fn enrol(task: Task, label: &Label, site: Fault, when: When) {
    if label.flags & LABEL_WAITS == 0 {
        give(task, label, site);
    } else if !launcher::is_run_by(task, when) {
        give(task, &own(task, label), site);
    }
}

/// A task's label by that of its cgroup: the mounts that it was set up with are its own.
#[inline(always)]
pub(super) fn own(task: Task, label: &Label) -> Label {
    Label { flags: 0, mounts: Runner::from(task).mounts(), ..*label }
}

/// Stores a label, and tells of it. One that cannot be stored is looked for again by whatever the task does.
#[inline(never)]
fn give(task: Task, label: &Label, site: Fault) -> i32 {
    if fail::injected(site) || set_label(task, label).is_err() {
        diagnostics::entered(label, false);
        fail::count(site, 0);
        note_entered(MISSED);
        return 0;
    }
    digest::make_room(task);
    tell_entered(task, label);
    0
}

/// Tells of a task that became the agent's.
#[inline(always)]
pub(super) fn tell_entered(task: Task, label: &Label) {
    diagnostics::entered(label, true);
    let ids = u64::from(task.pid()) | (u64::from(task.tgid()) << 32);
    emit::tell_nameless(&Report {
        kind: EventKind::Entered as u16,
        agent: label.agent,
        profile: label.profile,
        operation: Operation::Fork as u16,
        surface: Surface::Exec as u16,
        verdict: Verdict::Allow as u32,
        object: Object { task: [ids, task.leader().start_boot_ns()] },
        is_nameless: 1,
        ..Report::EMPTY
    });
}

#[inline(always)]
fn note_entered(how: u64) {
    if let Some(entered) = ENTERED.get_ptr_mut(0) {
        if how == MISSED {
            atomic::fetch_or(entered, MISSED);
        }
        atomic::fetch_add(entered, 1);
    }
}
