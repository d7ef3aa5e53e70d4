//! Hooks: read arguments, call checks, tell. No policy look-ups of their own.

mod admin;
mod attribute;
mod descriptor;
mod exec;
mod file;
mod memory;
mod net;
mod object;
mod process;
mod socket;
mod task;

use guard_common::{Operation, Reason, Surface, Verdict};

use crate::diagnostics;
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
        profile: subject.profile as u16,
        operation: operation as u16,
        surface: surface as u16,
        ..Report::EMPTY
    }
}

/// What an allowed action is worth telling.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    /// An event of its own.
    Tell,
    /// A count: it is on record already, or cannot be told apart.
    Count,
}

/// Tells of a verdict; gives the hook's answer. Called once in a hook: each call is verified anew.
#[inline(always)]
fn conclude(report: &mut Report, verdict: Result<News, Reason>) -> i32 {
    if !is_told(report, verdict) {
        return 0;
    }
    emit::tell(report);
    answer(report)
}

/// The same for what has no name in a file system.
#[inline(always)]
fn conclude_nameless(report: &mut Report, verdict: Result<News, Reason>) -> i32 {
    report.is_nameless = 1;
    if !is_told(report, verdict) {
        return 0;
    }
    emit::tell_nameless(report);
    answer(report)
}

#[inline(always)]
fn is_told(report: &mut Report, verdict: Result<News, Reason>) -> bool {
    match verdict {
        Ok(News::Count) => {
            emit::count_allow(report.operation);
            return false;
        }
        Ok(News::Tell) => {
            report.verdict = Verdict::Allow as u32;
            report.reason = Reason::EdgeAllows as u16;
        }
        Err(reason) => {
            report.verdict = Verdict::Deny as u32;
            report.reason = reason as u16;
        }
    }
    true
}

#[inline(always)]
fn answer(report: &Report) -> i32 {
    let denied = report.verdict == Verdict::Deny as u32;
    diagnostics::decided(report);
    if denied { -EACCES } else { 0 }
}
