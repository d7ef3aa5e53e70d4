//! Hooks: read arguments, call checks, tell. No policy look-ups of their own.

mod admin;
mod attribute;
mod begin;
mod descriptor;
mod exec;
mod file;
mod implied;
mod memory;
mod net;
mod object;
mod owner;
mod process;
mod settled;
mod socket;
mod task;

pub use socket::leads_elsewhere;

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::generated::{bpf_get_func_arg, bpf_send_signal};
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface, Verdict};

use crate::checks::{self, network_boundary};
use crate::diagnostics;
use crate::emit::{self, Report};
use crate::kernel::loops::opaque;
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

/// Ends the running process before it is back in its own code: for what no hook can refuse.
#[inline(always)]
fn kill() {
    const SIGKILL: u32 = 9;
    // SAFETY: takes nothing but the number.
    unsafe { bpf_send_signal(SIGKILL) };
}

/// What is more than writing: a knob changes the host, whatever zone it was mounted into, and who makes a program that acts
/// for its owner lends that owner to whoever starts it.
#[inline(always)]
fn administer(subject: &Subject, zone: u16, report: &mut Report) -> Result<(), Reason> {
    (report.zone, report.surface) = (zone, Surface::Admin as u16);
    checks::surface::check(Surface::Admin)?;
    network_boundary::check(subject, u32::from(zone), Surface::Admin)
}

/// What an allowed action is worth telling.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    /// An event of its own.
    Tell,
    /// A count: it is on record already, or cannot be told apart.
    Count,
}

/// The same verdict, with a reason in its register even where there is none: the compiler would leave that undefined and
/// copy it all the same, which the verifier does not take.
#[inline(always)]
fn defined(verdict: Result<News, Reason>) -> Result<News, Reason> {
    const COUNT: u32 = 1 << 16;
    const TELL: u32 = 2 << 16;
    let number = opaque(match verdict {
        Ok(News::Count) => COUNT,
        Ok(News::Tell) => TELL,
        Err(reason) => reason as u32,
    });
    match number {
        COUNT => Ok(News::Count),
        TELL => Ok(News::Tell),
        // SAFETY: the number was a reason.
        reason => Err(unsafe { core::mem::transmute::<u16, Reason>(reason as u16) }),
    }
}

/// Tells of a verdict; gives the hook's answer. Called once in a hook: each call is verified anew.
#[inline(always)]
fn conclude(report: &mut Report, verdict: Result<News, Reason>) -> i32 {
    conclude_by(report, verdict, |report| emit::tell(report))
}

/// The same for what may have two names.
#[inline(always)]
fn conclude_both(report: &mut Report, verdict: Result<News, Reason>) -> i32 {
    conclude_by(report, verdict, |report| emit::tell_both(report))
}

/// The same for what has no name in a file system.
#[inline(always)]
fn conclude_nameless(report: &mut Report, verdict: Result<News, Reason>) -> i32 {
    report.is_nameless = 1;
    conclude_by(report, verdict, |report| emit::tell_nameless(report))
}

#[inline(always)]
fn conclude_by(report: &mut Report, verdict: Result<News, Reason>, tell: impl FnOnce(&Report) -> i32) -> i32 {
    if !is_told(report, verdict) {
        return 0;
    }
    tell(report);
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

/// An argument as a bare number, which the verifier knows nothing of. For one that may be null where the verifier takes
/// it for a valid pointer: it would strike out the test for null, and the kernel would fall over the first read.
#[inline(always)]
fn raw_argument(ctx: &LsmContext, number: u32) -> u64 {
    let mut argument = 0_u64;
    // SAFETY: the context of this program, and room for one argument.
    let failed = unsafe { bpf_get_func_arg(ctx.as_ptr(), number, &raw mut argument) };
    if failed == 0 { argument } else { 0 }
}

/// 0 or the error, by a branch. The compiler's arithmetic on truth values is more than the verifier follows: it
/// takes the result for any number, and a hook may not answer with that.
#[inline(always)]
fn silent(verdict: Result<News, Reason>, errno: i32) -> i32 {
    if verdict.is_ok() {
        return 0;
    }
    let mut answer = i64::from(-errno);
    // SAFETY: moves a register to itself.
    unsafe { core::arch::asm!("{0} = {0}", inout(reg) answer, options(nostack)) };
    answer as i32
}
