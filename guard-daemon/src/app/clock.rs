//! Clocks for people and for names. Verdicts know only the kernel programs' clock, `kernel::boot_ns`.

use std::fs;
use std::io;

/// Milliseconds since the Unix epoch, by a clock that people may set.
pub(super) fn wall_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// The running boot's id.
pub(super) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}
