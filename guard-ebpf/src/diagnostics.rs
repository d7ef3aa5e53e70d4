//! What the programs say of themselves to whoever looks into them. The level is a constant that the loader sets:
//! where it is off, as usual, the verifier finds the calls dead and takes them out.
//!
//! Functions of their own, called by hooks and nobody deeper: what they keep on the stack counts even where they
//! are never reached.

use aya_log_ebpf::macro_support::{Level, level_enabled};
use guard_common::Verdict;
use guard_common::map::label::Label;

use crate::emit::Report;

/// A verdict.
#[inline(always)]
pub fn decided(report: &Report) {
    if report.verdict == Verdict::Deny as u32 {
        if level_enabled(Level::Debug) {
            refused(report);
        }
    } else if level_enabled(Level::Trace) {
        allowed(report);
    }
}

/// A task received its label, or could not.
#[inline(always)]
pub fn entered(label: &Label, stored: bool) {
    if stored {
        if level_enabled(Level::Info) {
            labelled(label.agent);
        }
    } else if level_enabled(Level::Error) {
        unlabelled(label.agent);
    }
}

#[inline(never)]
fn refused(report: &Report) -> i32 {
    let Report { agent, operation, surface, zone, reason, .. } = *report;
    aya_log_ebpf::debug!(
        (),
        "slot {}: refused operation {} of surface {} in zone {}, reason {}",
        agent,
        operation,
        surface,
        zone,
        reason
    );
    0
}

#[inline(never)]
fn allowed(report: &Report) -> i32 {
    let Report { agent, operation, surface, zone, .. } = *report;
    aya_log_ebpf::trace!(
        (),
        "slot {}: allowed operation {} of surface {} in zone {}",
        agent,
        operation,
        surface,
        zone
    );
    0
}

#[inline(never)]
fn labelled(slot: u32) -> i32 {
    aya_log_ebpf::info!((), "slot {}: a task received its label", slot);
    0
}

#[inline(never)]
fn unlabelled(slot: u32) -> i32 {
    aya_log_ebpf::error!((), "slot {}: a task could not be labelled", slot);
    0
}
