//! Since when directories stand where they do. What is kept about one holds for its epoch, which is read before it is
//! looked for.

use guard_common::limits::REMOVALS_MAX;

use crate::maps::{EPOCH, REMOVALS};

/// The epoch of a directory whose name has this hash. It never goes back, and is one number only beside the hash: the
/// removals of other names are counted elsewhere.
#[inline(always)]
pub fn of(name: u32) -> u64 {
    // SAFETY: live array rows. Volatile: read once, and before what is looked for then.
    let count = |row: Option<&u64>| row.map_or(0, |row| unsafe { core::ptr::read_volatile(row) });
    count(EPOCH.get(0)).wrapping_add(count(REMOVALS.get(name & (REMOVALS_MAX - 1))))
}

/// A directory was moved, and all below it.
#[inline(always)]
pub fn moved() {
    begin_anew(EPOCH.get_ptr_mut(0));
}

/// A directory of this name was removed.
#[inline(always)]
pub fn removed(name: u32) {
    begin_anew(REMOVALS.get_ptr_mut(name & (REMOVALS_MAX - 1)));
}

#[inline(always)]
fn begin_anew(epoch: Option<*mut u64>) {
    if let Some(epoch) = epoch {
        // SAFETY: a live array row, changed atomically.
        unsafe {
            core::intrinsics::atomic_xadd::<u64, u64, { core::intrinsics::AtomicOrdering::Relaxed }>(epoch, 1)
        };
    }
}
