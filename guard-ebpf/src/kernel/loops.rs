//! Loops that the verifier reads once, not once a turn.

use aya_ebpf::helpers::generated::bpf_loop;

use super::raw;

/// Goes on with the next turn.
pub const GO_ON: i64 = 0;
/// Ends the loop.
pub const END: i64 = 1;

/// Runs `body` up to `turns` times on one state.
///
/// A kernel before 6.6 reads the body with the state's first values only, and drops branches that those
/// cannot take. So whatever the body or what follows branches on must be [`opaque`] when the loop begins, and
/// again after it.
#[inline(always)]
pub fn repeat<S>(turns: u32, state: &mut S, body: fn(u32, *mut S) -> i64) {
    // SAFETY: the body has the signature that the helper calls; the state outlives the call.
    unsafe { bpf_loop(turns, body as *mut _, core::ptr::from_mut(state).cast(), 0) };
}

/// Zero, in memory that could change: the verifier knows nothing of it.
#[unsafe(no_mangle)]
static mut UNKNOWN: u64 = 0;

/// A zero about which the verifier knows nothing.
#[inline(always)]
pub fn unknown() -> u64 {
    // SAFETY: nobody writes it. Volatile: the compiler must not know it either.
    unsafe { core::ptr::read_volatile(&raw const UNKNOWN) }
}

/// Values that can be made [`opaque`].
pub trait Hidden: Copy {
    /// The same value, unknown.
    fn hidden(self) -> Self;
}

impl Hidden for u32 {
    #[inline(always)]
    fn hidden(self) -> Self {
        self ^ unknown() as u32
    }
}

/// Addresses, which the verifier may know as pointers: only a copy by a helper makes them numbers.
macro_rules! copied {
    ($($value:ty),+) => {$(
        impl Hidden for $value {
            #[inline(always)]
            fn hidden(self) -> Self {
                // A read of one's own stack does not fail.
                raw::read((&raw const self) as u64)
            }
        }
    )+};
}
copied!(u64, raw::Place, super::Group);

/// The same value, about which the verifier knows nothing.
#[inline(always)]
pub fn opaque<T: Hidden>(value: T) -> T {
    value.hidden()
}

/// The lowest bits of a number, up to 32 of them. Where the compiler knows that no others are set it would leave the
/// mask out, and the verifier would not know.
#[inline(always)]
pub fn low_bits<const MASK: i32>(value: u64) -> u64 {
    let mut value = value;
    // SAFETY: changes a register of its own.
    unsafe { core::arch::asm!("{0} &= {1}", inout(reg) value, const MASK, options(nostack)) };
    value
}

/// A key of a map, all zero. Word by word: `memset` is a function, with a stack frame of its own and a loop over bytes.
#[inline(always)]
pub fn blank<T, Word: From<u8>>(key: &mut core::mem::MaybeUninit<T>) -> &mut T {
    const { assert!(size_of::<T>() % size_of::<Word>() == 0 && align_of::<T>() >= align_of::<Word>()) };
    for word in 0..size_of::<T>() / size_of::<Word>() {
        // SAFETY: within the value, and aligned. Volatile: or the compiler makes it `memset` again.
        unsafe { core::ptr::write_volatile(key.as_mut_ptr().cast::<Word>().add(word), Word::from(0)) };
    }
    // SAFETY: every byte is written; keys are bytes with names.
    unsafe { key.assume_init_mut() }
}
