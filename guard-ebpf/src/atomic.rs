//! Words that several CPUs change at once. This target's core has no atomic types that can add.

use core::intrinsics::AtomicOrdering::SeqCst;
use core::intrinsics::{atomic_cxchg, atomic_or, atomic_xadd, atomic_xchg};

/// Adds, and gives the value from before. Orders what stands before it and after it.
///
/// Never relaxed: where nobody asks for the old value the compiler would make that an add that gives none back, and it
/// takes the one for the other.
#[inline(always)]
pub fn fetch_add(word: *mut u64, more: u64) -> u64 {
    // SAFETY: a live word of a map.
    unsafe { atomic_xadd::<u64, u64, { SeqCst }>(word, more) }
}

/// Sets bits.
#[inline(always)]
pub fn fetch_or(word: *mut u64, bits: u64) {
    // SAFETY: a live word of a map.
    unsafe { atomic_or::<u64, u64, { SeqCst }>(word, bits) };
}

/// Puts a value in the place of another, and gives that.
#[inline(always)]
pub fn swap(word: *mut u64, value: u64) -> u64 {
    // SAFETY: a live word of a map.
    unsafe { atomic_xchg::<u64, { SeqCst }>(word, value) }
}

/// Changes the word if it still is what it was; whether it did.
#[inline(always)]
pub fn compare_exchange(word: *mut u64, was: u64, will_be: u64) -> bool {
    // SAFETY: a live word of a map.
    unsafe { atomic_cxchg::<u64, { SeqCst }, { SeqCst }>(word, was, will_be) }.1
}
