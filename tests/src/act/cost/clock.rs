//! Two clocks read together: the process's own, its ended children's with it, and everybody's.

use std::io;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

/// Readings that tell what a reading costs.
const TRIES: usize = 15;

/// Where both clocks stand, or how far they went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) caller: u64,
    pub(super) elapsed: u64,
}

impl Reading {
    pub(super) fn now() -> io::Result<Self> {
        Ok(Self {
            elapsed: read(ClockId::CLOCK_MONOTONIC)?,
            caller: read(ClockId::CLOCK_PROCESS_CPUTIME_ID)? + children()?,
        })
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self { caller: self.caller - before.caller, elapsed: self.elapsed - before.elapsed }
    }

    pub(super) fn less(self, other: Self) -> Self {
        Self {
            caller: self.caller.saturating_sub(other.caller),
            elapsed: self.elapsed.saturating_sub(other.elapsed),
        }
    }

    /// What two readings with nothing between them tell.
    pub(super) fn cost() -> io::Result<Self> {
        let pairs: Vec<Self> = (0..TRIES)
            .map(|_| {
                let before = Self::now()?;
                Ok(Self::now()?.since(before))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            caller: median(pairs.iter().map(|pair| pair.caller).collect()),
            elapsed: median(pairs.iter().map(|pair| pair.elapsed).collect()),
        })
    }
}

fn read(clock: ClockId) -> io::Result<u64> {
    let now = clock_gettime(clock)?;
    Ok(now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

/// Told in whole microseconds: batches are long enough for that not to show.
fn children() -> io::Result<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(micros as u64 * 1_000)
}

/// The middle one; 0 of none.
pub(super) fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_disturbed_batch_does_not_move_the_median() {
        assert_eq!(median(vec![7, 5_000_000, 7, 8, 6]), 7);
        assert_eq!(median(Vec::new()), 0);
    }

    #[test]
    fn both_clocks_go_on() {
        let before = Reading::now().expect("clocks are there");
        let spent = Reading::now().expect("clocks are there").since(before);
        assert!(spent.elapsed > 0 && spent.caller > 0, "{spent:?}");
    }
}
