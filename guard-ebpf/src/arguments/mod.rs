//! Rules on a program's arguments. Which rules apply is noted where its start is judged; the arguments are read
//! when they are sealed on the new program's stack, where nobody else can reach them.

mod read;
mod word;

use aya_ebpf::bindings::BPF_LOCAL_STORAGE_GET_F_CREATE;
use aya_ebpf::helpers::generated::{bpf_task_storage_delete, bpf_task_storage_get};
use guard_common::Reason;
use guard_common::map::arguments::{ArgumentRules, ArgumentsKey, LEVELS_MAX, RULES_MAX, Start};

use crate::fail::{self, Fault};
use crate::kernel::{Bprm, Task};
use crate::maps::{ARGUMENTS, STARTS};
use crate::subject::Subject;

/// The rules for a program in a zone.
#[inline(always)]
fn rules(slot: u32, profile: u32, zone: u32) -> *const ArgumentRules {
    let key = ArgumentsKey { slot, profile: profile as u16, zone: zone as u16 };
    ARGUMENTS.get_ptr(key).unwrap_or(core::ptr::null())
}

#[inline(always)]
fn stored(task: Task, create: bool) -> *mut Start {
    let flags = if create { u64::from(BPF_LOCAL_STORAGE_GET_F_CREATE) } else { 0 };
    // SAFETY: a task that the verifier knows; where there is a value, it lives until it is deleted below.
    unsafe { bpf_task_storage_get(STARTS.as_ptr(), task.0.cast_mut().cast(), core::ptr::null_mut(), flags) }
        .cast()
}

/// Whether a task's process runs a program whose arguments were judged: whoever traces it could change them.
#[inline(always)]
pub fn are_judged(task: Task) -> bool {
    // SAFETY: another task's value, of which one word is read.
    unsafe { stored(task.leader(), false).as_ref() }.is_some_and(|start| start.is_judged != 0)
}

/// Notes that a program, or an interpreter of it, lies in a zone with rules.
#[inline(always)]
pub fn expect(subject: &Subject, bprm: Bprm, zone: u32) -> Result<(), Reason> {
    let has_rules = !rules(subject.slot(), subject.profile, zone).is_null();
    let is_first = bprm.is_first();
    if !has_rules && !is_first {
        return Ok(());
    }
    let start = if fail::injected(Fault::StartNote) {
        core::ptr::null_mut()
    } else {
        stored(Task::current(), has_rules)
    };
    // SAFETY: this task's own value; a task starts one program at a time.
    let Some(start) = (unsafe { start.as_mut() }) else {
        return if has_rules { Err(fail::closed(Fault::StartNote, 0)) } else { Ok(()) };
    };
    if is_first {
        // What is still here is of a start that failed.
        start.zones_len = 0;
    }
    if has_rules {
        let len = start.zones_len as usize;
        if len >= LEVELS_MAX {
            return Err(Reason::ArgumentsTooLong);
        }
        start.zones[len] = zone as u16;
        start.zones_len = len as u32 + 1;
    }
    Ok(())
}

/// Why a start is refused, in which zone, and by which of its rules.
#[derive(Clone, Copy)]
pub struct Refused {
    pub reason: Reason,
    pub zone: u16,
    pub rule: u16,
}

/// Times that the rules are asked again where a policy was pushed meanwhile.
const ATTEMPTS: u32 = 2;

/// Judges the arguments of the program that the running task has become. May sleep.
#[inline(always)]
pub fn judge(subject: &Subject, bprm: Bprm) -> Option<Refused> {
    let task = Task::current();
    // SAFETY: this task's own value.
    let start = unsafe { stored(task, false).as_mut() }?;
    if start.zones_len == 0 {
        // The program before it had rules.
        // SAFETY: the value is not used after this.
        unsafe { bpf_task_storage_delete(STARTS.as_ptr(), task.0.cast_mut().cast()) };
        return None;
    }
    if task.tracing() != 0 {
        return Some(Refused { reason: Reason::Traced, zone: start.zones[0], rule: 0 });
    }
    let answer = settle(subject, start, bprm);
    start.is_judged = 1;
    start.zones_len = 0;
    refused(answer)
}

/// A policy push does not wait for programs that sleep: rows that were read while it went on count for nothing.
#[inline(always)]
fn settle(subject: &Subject, start: &mut Start, bprm: Bprm) -> u32 {
    let mut generation = subject.generation;
    for _ in 0..ATTEMPTS {
        let answer = judge_levels(start, bprm, generation, subject.profile);
        let now = Subject::generation_now();
        if now == generation && !fail::injected(Fault::StartMoved) {
            return answer;
        }
        generation = now;
    }
    fail::closed(Fault::StartMoved, 0) as u32
}

#[inline(always)]
fn judge_levels(start: &mut Start, bprm: Bprm, generation: u64, profile: u32) -> u32 {
    for level in 0..LEVELS_MAX {
        if level as u32 >= start.zones_len {
            break;
        }
        let zone = u32::from(start.zones[level]);
        start.address = bprm.arguments();
        start.left = bprm.argc();
        let answer = judge_zone(start, (generation & 1) as u32, profile, zone);
        if answer != PASSED {
            return answer | (zone << 8);
        }
    }
    PASSED
}

/// An answer in one register: the reason in bits 0–7, the zone in 8–23, the rule in 24–31.
const PASSED: u32 = 0;

#[inline(always)]
fn refused(answer: u32) -> Option<Refused> {
    if answer == PASSED {
        return None;
    }
    let reason = match (answer & 0xff) as u16 {
        n if n == Reason::ArgumentRule as u16 => Reason::ArgumentRule,
        n if n == Reason::ArgumentsTooLong as u16 => Reason::ArgumentsTooLong,
        _ => Reason::KernelFault,
    };
    Some(Refused { reason, zone: (answer >> 8) as u16, rule: (answer >> 24) as u16 })
}

#[inline(never)]
fn judge_zone(start: &mut Start, slot: u32, profile: u32, zone: u32) -> u32 {
    // SAFETY: a row of a preallocated map; whether it stayed the same is asked afterwards.
    let Some(rules) = (unsafe { rules(slot, profile, zone).as_ref() }) else { return PASSED };
    let seen = match read::words(start, rules) {
        Ok(seen) => seen,
        Err(reason) => return reason as u32,
    };
    for number in 0..RULES_MAX {
        let rule = rules.rules[number];
        if rule != 0 && seen & rule == rule {
            return Reason::ArgumentRule as u32 | ((number as u32) << 24);
        }
    }
    PASSED
}
