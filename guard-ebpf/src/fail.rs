//! What happens when the kernel itself fails us: it is counted, and the agent is refused.

use guard_common::Reason;
pub use guard_common::fault::Fault;
use guard_common::map::cell;

use crate::kernel::offsets::injects_faults;
use crate::maps::{FAULTS, INJECTED};

/// Counts a failure.
#[inline(always)]
pub fn count(fault: Fault, errno: i64) {
    count_key(((fault as u32) << 16) | ((-errno) as u32 & 0xffff));
}

#[inline(always)]
fn count_key(key: u32) {
    if let Some(count) = FAULTS.get_ptr_mut(key) {
        // SAFETY: a value of a preallocated hash whose entries are never removed. Racing adds may lose one.
        unsafe { *count += 1 };
    } else {
        // Full: the sum is lost, the refusal stands.
        let _ = FAULTS.insert(key, 1, 0);
    }
}

/// Counts a failure and gives the reason for the refusal that it costs the agent.
#[inline(always)]
pub fn closed(fault: Fault, errno: i64) -> Reason {
    count(fault, errno);
    Reason::KernelFault
}

/// Whether a place is to fail on purpose; counted where it is. In programs that were not loaded for that, the
/// verifier leaves none of it.
#[inline(always)]
pub fn injected(fault: Fault) -> bool {
    injects_faults() && is_injected(fault as u32) != 0
}

/// A function of its own: its keys do not lie on the stack of every hook.
#[inline(never)]
fn is_injected(fault: u32) -> u32 {
    let is_injected = INJECTED.get(0).is_some_and(|faults| (*faults >> (fault & 63)) & 1 != 0);
    if is_injected {
        count_key(fault << 16);
    }
    u32::from(is_injected)
}

// The cell array is indexed with what this promises; a wrong bound would read another profile's row.
const _: () = assert!(cell::index(1, 63, 1023) < guard_common::limits::CELLS_MAX);
