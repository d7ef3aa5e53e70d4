//! Kill switch: one word for every agent, one for each. The first check of every hook.

use aya_ebpf::helpers::generated::bpf_send_signal;
use guard_common::Reason;
use guard_common::limits::AGENTS_MAX;
use guard_common::map::switch::{KILL_ALL, KillMode};

use crate::fail::{self, Fault};
use crate::maps::KILL;
use crate::subject::Subject;

const SIGKILL: u32 = 9;

#[inline(always)]
pub fn check(subject: &Subject) -> Result<(), Reason> {
    match stands(subject.agent) {
        0 => Ok(()),
        n if n == Reason::KillSwitch as u32 => Err(Reason::KillSwitch),
        n if n == Reason::KillSwitchAgent as u32 => Err(Reason::KillSwitchAgent),
        _ => Err(Reason::KernelFault),
    }
}

/// Whether nothing stops this agent. Where not, [`check`] says what, and acts.
#[inline(always)]
pub fn is_off(subject: &Subject) -> bool {
    let is_off = |row: u32| KILL.get(row).is_some_and(|mode| *mode == KillMode::Run as u32);
    is_off(KILL_ALL) && is_off(subject.agent & (AGENTS_MAX - 1))
}

/// 0, or the reason of the refusal. A function of its own: its keys do not lie on the stack of every hook.
#[inline(never)]
fn stands(agent: u32) -> u32 {
    if fail::injected(Fault::ArrayRow) {
        return Reason::KernelFault as u32;
    }
    let Some(all) = KILL.get(KILL_ALL) else {
        return fail::closed(Fault::ArrayRow, 0) as u32;
    };
    if *all != KillMode::Run as u32 {
        return killed(*all, Reason::KillSwitch) as u32;
    }
    // The mask is for the verifier: no label carries a slot outside the array.
    let Some(own) = KILL.get(agent & (AGENTS_MAX - 1)) else {
        return fail::closed(Fault::ArrayRow, 0) as u32;
    };
    if *own != KillMode::Run as u32 {
        return killed(*own, Reason::KillSwitchAgent) as u32;
    }
    0
}

#[inline(always)]
fn killed(mode: u32, reason: Reason) -> Reason {
    if mode == KillMode::Terminate as u32 {
        // SAFETY: signals the running task, which is the agent's.
        unsafe { bpf_send_signal(SIGKILL) };
    }
    reason
}
