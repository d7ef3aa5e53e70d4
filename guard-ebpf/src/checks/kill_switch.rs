//! Kill switch: one word for every agent, one for each. The first check of every hook.

use aya_ebpf::helpers::generated::bpf_send_signal;
use guard_common::Reason;
use guard_common::limits::AGENTS_MAX;
use guard_common::map::switch::{KILL_ALL, KillMode};

use crate::fail::{self, Site};
use crate::maps::KILL;
use crate::subject::Subject;

const SIGKILL: u32 = 9;

#[inline(always)]
pub fn check(subject: &Subject) -> Result<(), Reason> {
    let Some(all) = KILL.get(KILL_ALL) else {
        return Err(fail::closed(Site::ArrayRow, 0));
    };
    if *all != KillMode::Run as u32 {
        return Err(killed(*all, Reason::KillSwitch));
    }
    // A slot outside the array could never be killed: whoever carries one does nothing.
    let Some(own) = KILL.get(subject.agent & (AGENTS_MAX - 1)) else {
        return Err(fail::closed(Site::ArrayRow, 0));
    };
    if *own != KillMode::Run as u32 {
        return Err(killed(*own, Reason::KillSwitchAgent));
    }
    Ok(())
}

#[inline(always)]
fn killed(mode: u32, reason: Reason) -> Reason {
    if mode == KillMode::Terminate as u32 {
        // SAFETY: signals the running task, which is the agent's.
        unsafe { bpf_send_signal(SIGKILL) };
    }
    reason
}
