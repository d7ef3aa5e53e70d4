//! What guardd spends in user space for what the kernel tells it: read from its own clock, once it has heard all.

use std::time::Duration;

use anyhow::{Result, ensure};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Between two looks; one that finds next to nothing done finds the daemon quiet.
const LOOK: Duration = Duration::from_millis(30);
/// What it does in that time with nothing to do.
const IDLE_MOST: u64 = 1_000_000;
const LOOKS_MAX: u32 = 20_000;

/// The clock of a process, threads that have ended included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter(ClockId);

impl Meter {
    pub(super) fn of(pid: u32) -> Result<Self> {
        Ok(Self(ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(pid)?))?))
    }

    /// Waits until the daemon has nothing left to do, and says what it has spent so far.
    pub(super) fn quiet(self) -> Result<u64> {
        let mut before = self.read()?;
        for _ in 0..LOOKS_MAX {
            std::thread::sleep(LOOK);
            let now = self.read()?;
            if now - before < IDLE_MOST {
                return Ok(now);
            }
            before = now;
        }
        ensure!(false, "guardd does not come to rest");
        Ok(before)
    }

    fn read(self) -> Result<u64> {
        let now = clock_gettime(self.0)?;
        Ok(now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
    }
}
