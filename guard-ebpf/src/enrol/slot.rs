//! Slots that lie ready. Each is taken once: it is exchanged for nothing in one step.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use guard_common::map::enrol::{AGENT_NAME_MAX, RESERVE_MAX};

use crate::atomic;
use crate::fail::{self, Fault};
use crate::kernel::Group;
use crate::kernel::loops::{END, GO_ON, opaque, repeat};
use crate::maps::{HALTED, KILL, RESERVE};

/// A slot that nobody else has; 0 where none is left.
#[inline(never)]
pub fn take() -> u32 {
    let mut slot = opaque(0_u32);
    repeat(RESERVE_MAX, &mut slot, take_row);
    let slot = opaque(slot);
    if slot == 0 {
        fail::count(Fault::NoSlot, 0);
    }
    slot
}

fn take_row(row: u32, slot: *mut u32) -> i64 {
    let taken = exchange(row, 0);
    if taken == 0 {
        return GO_ON;
    }
    // SAFETY: the state of `take`.
    unsafe { *slot = taken as u32 };
    END
}

struct Return {
    slot: u32,
}

/// Puts back what was taken in vain. With every row full the daemon finds out, and uses it again.
#[inline(never)]
pub fn give_back(slot: u32) -> i32 {
    let mut back = Return { slot: opaque(slot) };
    repeat(RESERVE_MAX, &mut back, give_row);
    0
}

fn give_row(row: u32, back: *mut Return) -> i64 {
    // SAFETY: the state of `give_back`.
    let back = unsafe { &mut *back };
    if back.slot == 0 {
        return END;
    }
    // What lay there goes on its way to the next row.
    back.slot = exchange(row, u64::from(back.slot)) as u32;
    if back.slot == 0 { END } else { GO_ON }
}

#[inline(always)]
fn exchange(row: u32, value: u64) -> u64 {
    let Some(place) = RESERVE.get_ptr_mut(row) else { return 0 };
    atomic::swap(place, value)
}

/// Halts a slot's instance before it begins, where an order stands against its name.
#[inline(never)]
pub fn prepare(slot: u32, group: Group, given: &[u8; AGENT_NAME_MAX]) -> i32 {
    let mut name = [0_u8; AGENT_NAME_MAX];
    if given[0] != 0 {
        name = *given;
    } else {
        // SAFETY: the buffer's length; a longer name is cut, and ends in a NUL.
        unsafe {
            bpf_probe_read_kernel_str(
                name.as_mut_ptr().cast(),
                AGENT_NAME_MAX as u32,
                group.name() as *const _,
            )
        };
    }
    // SAFETY: copied at once.
    let word = unsafe { HALTED.get(&name) }.copied().unwrap_or(0);
    if let Some(own) = KILL.get_ptr_mut(slot) {
        // SAFETY: a live array row; nobody else has the slot.
        unsafe { core::ptr::write_volatile(own, word) };
    }
    0
}
