//! Name rules: `.ssh` anywhere on the way, `*.pem` and `.env.*` on the object's own name.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use guard_common::limits::{CHILD_NAME_LEN_MAX, NAME_RULE_LEN_MAX};
use guard_common::map::zone::{ChildKey, NameKey, NameKind, NameLengths};

use crate::fail::{self, Fault};
use crate::kernel::loops::{END, GO_ON, blank, opaque, repeat};
use crate::maps::{CHILDREN, NAME_LENGTHS, NAMES};

/// No rule.
pub const NONE: u32 = 0;
/// The name could not be read.
pub const FAULT: u32 = u32::MAX;

/// Which lengths have rules in a generation.
#[inline(always)]
pub fn lengths(slot: u32) -> NameLengths {
    NAME_LENGTHS.get(slot).copied().unwrap_or_default()
}

/// The zone of an exact rule for this name.
#[inline(always)]
pub fn exact(exact_lengths: u64, slot: u32, len: u32, name: u64) -> u32 {
    if len as usize > NAME_RULE_LEN_MAX || (exact_lengths >> len) & 1 == 0 {
        return NONE;
    }
    look_up(slot, NameKind::Exact as u32, len, name)
}

/// A search among the rules for names' ends and starts.
struct Ends {
    suffix_lengths: u64,
    prefix_lengths: u64,
    name: u64,
    slot: u32,
    len: u32,
    /// What a rule can have of the name.
    longest: u32,
    zone: u32,
}

/// The zone of a rule for this name's end or start; the longest rule wins, and of two the one for the end.
#[inline(never)]
pub fn ends(slot: u32, len: u32, name: u64) -> u32 {
    let lengths = lengths(slot);
    if lengths.suffix | lengths.prefix == 0 {
        return NONE;
    }
    let mut state = Ends {
        suffix_lengths: lengths.suffix,
        prefix_lengths: lengths.prefix,
        name,
        slot,
        len,
        longest: if len < NAME_RULE_LEN_MAX as u32 { len } else { NAME_RULE_LEN_MAX as u32 },
        zone: opaque(NONE),
    };
    repeat(state.longest, &mut state, ends_of_length);
    opaque(state.zone)
}

fn ends_of_length(turn: u32, state: *mut Ends) -> i64 {
    // SAFETY: the state of `ends`.
    let state = unsafe { &mut *state };
    let ruled = state.longest - turn;
    let mut zone = NONE;
    if (state.suffix_lengths >> ruled) & 1 != 0 {
        zone = look_up(state.slot, NameKind::Suffix as u32, ruled, state.name + u64::from(state.len - ruled));
    }
    if zone == NONE && (state.prefix_lengths >> ruled) & 1 != 0 {
        zone = look_up(state.slot, NameKind::Prefix as u32, ruled, state.name);
    }
    state.zone = zone;
    if zone == NONE { GO_ON } else { END }
}

#[inline(never)]
fn look_up(slot: u32, kind: u32, len: u32, name: u64) -> u32 {
    let mut key = MaybeUninit::<NameKey>::uninit();
    let key = blank::<_, u16>(&mut key);
    (key.slot, key.kind, key.len) = (slot as u16, kind as u8, len as u8);
    if len == 0 || len > NAME_RULE_LEN_MAX as u32 {
        return NONE;
    }
    // SAFETY: at most the buffer's length, checked above.
    let failed = unsafe { bpf_probe_read_kernel(key.name.as_mut_ptr().cast(), len, name as *const _) };
    if failed != 0 {
        fail::count(Fault::NameRead, failed);
        return FAULT;
    }
    // SAFETY: copied at once.
    unsafe { NAMES.get(&*key) }.map_or(NONE, |mark| u32::from(mark.zone))
}

/// The zone of a rule for a name that did not exist under this directory when the policy was loaded.
#[inline(never)]
pub fn child(ino: u64, dev_slot: u64, len: u32, name: u64) -> u32 {
    let mut key = MaybeUninit::<ChildKey>::uninit();
    let key = blank::<_, u64>(&mut key);
    (key.ino, key.dev, key.slot) = (ino, dev_slot as u32, (dev_slot >> 32) as u32);
    if len == 0 || len > CHILD_NAME_LEN_MAX as u32 {
        return NONE;
    }
    // SAFETY: at most the buffer's length, checked above.
    let failed = unsafe { bpf_probe_read_kernel(key.name.as_mut_ptr().cast(), len, name as *const _) };
    if failed != 0 {
        fail::count(Fault::NameRead, failed);
        return FAULT;
    }
    // SAFETY: copied at once.
    unsafe { CHILDREN.get(&*key) }.map_or(NONE, |mark| u32::from(mark.zone))
}
