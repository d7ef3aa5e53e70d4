//! Which events were lost: the kernel numbers the events of each CPU and ring; a number that does not come is a
//! lost event. Knows no clock: the caller says what time it is.

use std::collections::BTreeMap;

use crate::model::action::{BootNs, Position};

/// How long a missing number may still arrive. A program can be interrupted between taking its number and
/// handing its event over; nothing holds it that long.
const PATIENCE_NS: u64 = 1_000_000_000;

/// Numbers of one CPU that never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The CPU that counted.
    pub cpu: u32,
    /// First number missing.
    pub from: u64,
    /// Last number missing.
    pub to: u64,
}

/// The sequences of one ring.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    cpus: BTreeMap<u32, Cpu>,
}

#[derive(Clone, Debug)]
struct Cpu {
    /// Highest number seen.
    last: u64,
    /// Ranges missing below it, by their first number: last number, and when they were first missed.
    missing: BTreeMap<u64, (u64, BootNs)>,
}

impl Tracker {
    /// A tracker that knows nothing: each CPU's first event is taken as its beginning.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on from the last positions that an earlier daemon recorded: what came after them and was never
    /// recorded is a gap.
    pub fn resumed(last: impl IntoIterator<Item = Position>) -> Self {
        let mut tracker = Self::default();
        for Position { cpu, seq } in last {
            tracker.cpus.insert(cpu, Cpu::at(seq));
        }
        tracker
    }

    /// An event arrived.
    pub fn observe(&mut self, position: Position, now: BootNs) {
        let Position { cpu, seq } = position;
        let cpu = self.cpus.entry(cpu).or_insert_with(|| Cpu::at(seq.saturating_sub(1)));
        if seq > cpu.last {
            cpu.miss_up_to(seq - 1, now);
            cpu.last = seq;
        } else {
            cpu.arrived_late(seq);
        }
    }

    /// The kernel's own counters, by CPU: an event lost at the end shows only here. A CPU that never sent an
    /// event to this tracker is taken to begin where it stands.
    pub fn reconcile(&mut self, counters: &[u64], now: BootNs) {
        for (cpu, &seq) in (0..).zip(counters) {
            let cpu = self.cpus.entry(cpu).or_insert_with(|| Cpu::at(seq));
            cpu.miss_up_to(seq, now);
            cpu.last = cpu.last.max(seq);
        }
    }

    /// Gaps that will not close any more. Each is given once.
    pub fn gaps(&mut self, now: BootNs) -> Vec<Missing> {
        self.give(|since| now.saturating_sub(since) >= PATIENCE_NS)
    }

    /// The same for whoever will not be there any more when patience is over: what was missed before `moment`, at
    /// which everything that was told had been heard.
    pub fn last_gaps(&mut self, moment: BootNs) -> Vec<Missing> {
        self.give(|since| since <= moment)
    }

    fn give(&mut self, is_lost: impl Fn(BootNs) -> bool) -> Vec<Missing> {
        let mut gaps = Vec::new();
        for (&number, cpu) in &mut self.cpus {
            cpu.missing.retain(|&from, &mut (to, since)| {
                let lost = is_lost(since);
                if lost {
                    gaps.push(Missing { cpu: number, from, to });
                }
                !lost
            });
        }
        gaps
    }

    /// Highest number of each CPU so far.
    pub fn last(&self) -> impl Iterator<Item = Position> + '_ {
        self.cpus.iter().map(|(&cpu, state)| Position { cpu, seq: state.last })
    }
}

impl Cpu {
    fn at(last: u64) -> Self {
        Self { last, missing: BTreeMap::new() }
    }

    /// Everything after the last number, up to and with `to`, has not come.
    fn miss_up_to(&mut self, to: u64, now: BootNs) {
        if let Some(from) = self.last.checked_add(1).filter(|from| *from <= to) {
            self.missing.insert(from, (to, now));
        }
    }

    /// A number that was missed: takes it out of its range.
    fn arrived_late(&mut self, seq: u64) {
        let Some((&from, &(to, since))) = self.missing.range(..=seq).next_back() else { return };
        if seq > to {
            return;
        }
        self.missing.remove(&from);
        if from < seq {
            self.missing.insert(from, (seq - 1, since));
        }
        if seq < to {
            self.missing.insert(seq + 1, (to, since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LATER: BootNs = PATIENCE_NS;

    fn see(tracker: &mut Tracker, cpu: u32, numbers: impl IntoIterator<Item = u64>) {
        for seq in numbers {
            tracker.observe(Position { cpu, seq }, 0);
        }
    }

    #[test]
    fn an_unbroken_sequence_has_no_gap_wherever_it_begins() {
        let mut tracker = Tracker::new();
        see(&mut tracker, 0, 40..60);
        see(&mut tracker, 1, 1..3);
        assert_eq!(tracker.gaps(LATER), []);
    }

    #[test]
    fn lost_numbers_are_one_gap_told_once() {
        let mut tracker = Tracker::new();
        see(&mut tracker, 2, [1, 2, 6, 7]);
        assert_eq!(tracker.gaps(LATER), [Missing { cpu: 2, from: 3, to: 5 }]);
        assert_eq!(tracker.gaps(LATER), []);
    }

    #[test]
    fn a_number_that_comes_late_but_in_time_is_not_lost() {
        let mut tracker = Tracker::new();
        see(&mut tracker, 0, [1, 5]);
        assert_eq!(tracker.gaps(LATER - 1), []);
        see(&mut tracker, 0, [3]);
        assert_eq!(
            tracker.gaps(LATER),
            [Missing { cpu: 0, from: 2, to: 2 }, Missing { cpu: 0, from: 4, to: 4 }]
        );
    }

    #[test]
    fn who_ends_before_patience_is_over_tells_what_was_missed_before_the_ring_was_empty() {
        let mut tracker = Tracker::new();
        tracker.observe(Position { cpu: 0, seq: 1 }, 5);
        tracker.observe(Position { cpu: 0, seq: 4 }, 5);
        assert_eq!(tracker.gaps(6), []);
        assert_eq!(tracker.last_gaps(4), []);
        assert_eq!(tracker.last_gaps(6), [Missing { cpu: 0, from: 2, to: 3 }]);
        assert_eq!(tracker.last_gaps(6), []);
    }

    #[test]
    fn what_happened_while_no_daemon_listened_is_a_gap_after_restart() {
        let mut tracker = Tracker::resumed([Position { cpu: 0, seq: 10 }]);
        see(&mut tracker, 0, [14]);
        assert_eq!(tracker.gaps(LATER), [Missing { cpu: 0, from: 11, to: 13 }]);
    }

    #[test]
    fn events_lost_at_the_end_show_in_the_kernels_counters() {
        let mut tracker = Tracker::new();
        see(&mut tracker, 0, [1, 2]);
        tracker.reconcile(&[4, 9], 0);
        assert_eq!(tracker.gaps(LATER), [Missing { cpu: 0, from: 3, to: 4 }]);
        see(&mut tracker, 1, [10]);
        assert_eq!(tracker.gaps(LATER), []);
    }

    proptest! {
        #[test]
        fn gaps_are_exactly_the_numbers_that_never_came(
            kept in proptest::collection::vec(any::<bool>(), 1..60),
            swaps in proptest::collection::vec(0_usize..58, 0..20),
        ) {
            let mut numbers: Vec<u64> = (2..).zip(&kept).filter(|(_, kept)| **kept).map(|(seq, _)| seq).collect();
            for at in swaps {
                if at + 1 < numbers.len() {
                    numbers.swap(at, at + 1);
                }
            }
            let mut tracker = Tracker::resumed([Position { cpu: 0, seq: 1 }]);
            let last = numbers.iter().max().copied().unwrap_or(1);
            see(&mut tracker, 0, numbers.iter().copied());
            let lost: Vec<u64> = tracker.gaps(LATER).iter().flat_map(|gap| gap.from..=gap.to).collect();
            let expected: Vec<u64> = (2..=last).filter(|seq| !numbers.contains(seq)).collect();
            prop_assert_eq!(lost, expected);
        }
    }
}
