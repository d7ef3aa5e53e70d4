//! Hooks: read arguments, call checks, tell. No policy look-ups of their own.

mod exec;
mod file;
mod net;
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
    match verdict {
        Ok(News::Count) => {
            emit::count_allow(report.operation);
            return 0;
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
    let denied = report.verdict == Verdict::Deny as u32;
    emit::tell(report);
    diagnostics::decided(report);
    if denied { -EACCES } else { 0 }
}
