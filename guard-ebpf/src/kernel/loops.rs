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

/// The same value, about which the verifier knows nothing.
#[inline(always)]
pub fn opaque<T: Copy>(value: T) -> T {
    // A read of one's own stack does not fail.
    raw::read((&raw const value) as u64)
}
