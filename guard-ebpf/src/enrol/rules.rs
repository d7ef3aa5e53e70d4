//! Rules over cgroups' paths: matched from the leaf outward, name by name. Reads names where the kernel keeps them,
//! so that no path is too long for a rule.

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_kernel_str};
use guard_common::map::enrol::{
    COMPONENT_TEXT_MAX, COMPONENTS_MAX, Component, EnrolRule, RULES_MAX, RuleKind,
};

use crate::kernel::Group;
use crate::kernel::loops::{END, GO_ON, low_bits, opaque, repeat};
use crate::maps::{AGENT_CGROUPS, ENROL};
use crate::subject::CGROUP_DEPTH_MAX;

/// No rule takes the cgroup, nor one above it.
pub const NOTHING: u32 = u32::MAX;
/// The cgroup, or one above it, is tagged; no rule takes one that is nearer.
pub const TAGGED: u32 = u32::MAX - 1;

/// A search outward for a tag or a rule: the nearest counts.
pub struct Search {
    /// Where it is, and in the end where it found something.
    pub at: Group,
    slot: u32,
    rules: u32,
    /// What it found.
    pub rule: u32,
}

impl Search {
    #[inline(always)]
    pub fn new(at: Group, slot: u32, rules: u32) -> Self {
        Self { at: opaque(at), slot, rules, rule: opaque(NOTHING) }
    }
}

/// Searches.
#[inline(never)]
pub fn search(search: &mut Search) -> i32 {
    repeat(CGROUP_DEPTH_MAX, search, look_here);
    0
}

fn look_here(_: u32, search: *mut Search) -> i64 {
    // SAFETY: the state of `search`.
    let search = unsafe { &mut *search };
    // SAFETY: nothing is kept.
    if unsafe { AGENT_CGROUPS.get(search.at.id()) }.is_some() {
        search.rule = TAGGED;
        return END;
    }
    let rule = first_match(search.at, search.slot, search.rules);
    if rule != NOTHING {
        search.rule = rule;
        return END;
    }
    let above = search.at.parent();
    if above.is_none() {
        return END;
    }
    search.at = above;
    GO_ON
}

struct Rules {
    group: Group,
    slot: u32,
    rules: u32,
    /// Enrolment that an exception has ruled out; none has this number.
    passed_over: u32,
    found: u32,
}

/// Number of the first rule that takes a cgroup itself.
#[inline(always)]
fn first_match(group: Group, slot: u32, rules: u32) -> u32 {
    let mut state = Rules {
        group: opaque(group),
        slot: slot & 1,
        rules,
        passed_over: opaque(u32::MAX),
        found: opaque(NOTHING),
    };
    repeat(RULES_MAX, &mut state, try_rule);
    opaque(state.found)
}

fn try_rule(number: u32, state: *mut Rules) -> i64 {
    // SAFETY: the state of `first_match`.
    let state = unsafe { &mut *state };
    if number >= state.rules {
        return END;
    }
    let row = state.slot * RULES_MAX + number;
    let Some(rule) = ENROL.get(row) else { return END };
    if rule.enrolment == state.passed_over || !takes(rule, row, state.group) {
        return GO_ON;
    }
    if rule.except != 0 {
        state.passed_over = rule.enrolment;
        return GO_ON;
    }
    state.found = number;
    END
}

struct Names {
    at: Group,
    row: u32,
    /// Whether every name so far was right.
    fit: u32,
}

#[inline(always)]
fn takes(rule: &EnrolRule, row: u32, group: Group) -> bool {
    let (count, kind) = (rule.count, rule.kind);
    let mut names = Names { at: opaque(group), row, fit: opaque(0) };
    repeat(count, &mut names, fit_name);
    if opaque(names.fit) == 0 {
        return false;
    }
    let rest = opaque(names.at);
    if kind == RuleKind::Path as u8 {
        rest.parent().is_none()
    } else if kind == RuleKind::Unit as u8 {
        is_below_slices(rest)
    } else {
        false
    }
}

fn fit_name(number: u32, names: *mut Names) -> i64 {
    // SAFETY: the state of `takes`.
    let names = unsafe { &mut *names };
    names.fit = 0;
    let above = names.at.parent();
    let Some(rule) = ENROL.get(names.row) else { return END };
    if above.is_none() || number as usize >= COMPONENTS_MAX {
        return END;
    }
    if fits(&rule.components[number as usize & (COMPONENTS_MAX - 1)], names.at.name()) {
        names.fit = 1;
        names.at = above;
        return GO_ON;
    }
    END
}

#[inline(always)]
fn fits(component: &Component, name: u64) -> bool {
    let len = length(name);
    let (start, end) = (component.start_len, u32::from(component.end_len));
    let is_long_enough = if component.gap != 0 { len >= start + end } else { len == start + end };
    len != 0
        && is_long_enough
        && is_text(name, start, (&raw const component.start).cast())
        && is_text(name + u64::from(len - end), end, (&raw const component.end).cast())
}

/// Bytes that one look at a name takes, its NUL included.
const LOOK: u32 = 64;

struct Length {
    name: u64,
    len: u32,
}

/// Bytes of a name; 0 where it could not be read.
#[inline(never)]
fn length(name: u64) -> u32 {
    let mut state = Length { name, len: opaque(0) };
    // The longest name has 255.
    repeat(5, &mut state, look_for_end);
    opaque(state.len)
}

fn look_for_end(_: u32, state: *mut Length) -> i64 {
    // SAFETY: the state of `length`.
    let state = unsafe { &mut *state };
    let mut text = core::mem::MaybeUninit::<[u8; LOOK as usize]>::uninit();
    // SAFETY: the buffer's length.
    let read = unsafe {
        bpf_probe_read_kernel_str(
            text.as_mut_ptr().cast(),
            LOOK,
            (state.name + u64::from(state.len)) as *const _,
        )
    };
    if read <= 0 {
        state.len = 0;
        return END;
    }
    state.len += read as u32 - 1;
    if read as u32 == LOOK { GO_ON } else { END }
}

/// Whether these bytes of a name are this text, which is padded with NUL.
#[inline(never)]
fn is_text(name: u64, len: u32, text: *const [u64; COMPONENT_TEXT_MAX / 8]) -> bool {
    let mut found = [0_u64; COMPONENT_TEXT_MAX / 8];
    if len == 0 {
        return true;
    }
    if len > COMPONENT_TEXT_MAX as u32 {
        return false;
    }
    let bytes = low_bits::<{ COMPONENT_TEXT_MAX as i32 - 1 }>(u64::from(len) - 1) + 1;
    // SAFETY: at most the buffer's length.
    if unsafe { bpf_probe_read_kernel(found.as_mut_ptr().cast(), bytes as u32, name as *const _) } != 0 {
        return false;
    }
    let mut difference = 0;
    for word in 0..COMPONENT_TEXT_MAX / 8 {
        // SAFETY: a live array row, padded to the buffer's length.
        difference |= found[word] ^ unsafe { (*text)[word] };
    }
    difference == 0
}

struct Slices {
    at: Group,
    only: u32,
}

/// Whether nothing but slices lie outward of a unit: it is the system manager's own, and of no user's manager nor
/// of a container's.
#[inline(always)]
fn is_below_slices(group: Group) -> bool {
    let mut slices = Slices { at: opaque(group), only: opaque(0) };
    repeat(CGROUP_DEPTH_MAX, &mut slices, is_slice);
    opaque(slices.only) != 0
}

fn is_slice(_: u32, slices: *mut Slices) -> i64 {
    /// `.slice`, as the kernel's memory holds it.
    const SLICE: [u64; COMPONENT_TEXT_MAX / 8] = [u64::from_le_bytes(*b".slice\0\0"), 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: the state of `is_below_slices`.
    let slices = unsafe { &mut *slices };
    let above = slices.at.parent();
    if above.is_none() {
        slices.only = 1;
        return END;
    }
    let name = slices.at.name();
    let len = length(name);
    if len < 6 || !is_text(name + u64::from(len - 6), 6, &SLICE) {
        slices.only = 0;
        return END;
    }
    slices.at = above;
    GO_ON
}
