//! Hooks: read arguments, call checks, tell. No policy look-ups of their own.

mod exec;
mod file;
mod net;
mod task;

use guard_common::{Operation, Reason, Surface, Verdict};

use crate::emit::{self, Report};
use crate::subject::Subject;

/// What a refused system call fails with.
const EACCES: i32 = 13;

/// A report about one action of one agent.
#[inline(always)]
fn report(subject: &Subject, operation: Operation, surface: Surface) -> Report {
    Report {
        generation: subject.generation,
        agent: subject.agent,
        profile: subject.profile,
        operation: operation as u32,
        surface: surface as u32,
        ..Report::EMPTY
    }
}

/// Tells of a refusal, and is the hook's answer.
#[inline(always)]
fn refuse(mut report: Report, reason: Reason) -> i32 {
    report.verdict = Verdict::Deny as u32;
    report.reason = reason as u32;
    emit::tell(&report);
    -EACCES
}

/// Tells of an allowed action, and is the hook's answer.
#[inline(always)]
fn allow(mut report: Report) -> i32 {
    report.verdict = Verdict::Allow as u32;
    report.reason = Reason::EdgeAllows as u32;
    emit::tell(&report);
    0
}
