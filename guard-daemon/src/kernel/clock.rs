//! The kernel programs' clock.

use nix::time::{ClockId, clock_gettime};

use crate::model::action::BootNs;

/// Nanoseconds since boot, suspend included: what events carry, and what the heartbeat is measured by.
pub fn boot_ns() -> BootNs {
    // Every supported kernel has this clock; were it gone, 0 reads as a daemon that is dead, which refuses.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        let nanoseconds = u64::try_from(time.tv_nsec()).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
    })
}
