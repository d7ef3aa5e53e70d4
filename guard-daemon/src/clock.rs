//! Clocks, and which boot it is. Verdicts know the kernel programs' clock alone: [`boot_ns`].

use std::fs;
use std::io;
use std::time::SystemTime;

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds since boot, suspend included: what events carry, and what the heartbeat is measured by.
pub fn boot_ns() -> u64 {
    // Every supported kernel has this clock; were it gone, 0 reads as a daemon that is dead, which refuses.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        let nanoseconds = u64::try_from(time.tv_nsec()).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
    })
}

/// Nanoseconds since the Unix epoch, by a clock that people may set: for people and for names.
pub(crate) fn wall_ns() -> u64 {
    // Before 1970 the clock is wrong anyway; the boot clock still orders what happens.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// The running boot's id.
pub(crate) fn boot_id() -> io::Result<String> {
    let path = "/proc/sys/kernel/random/boot_id";
    let id =
        fs::read_to_string(path).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
    Ok(id.trim().to_owned())
}
