//! Kill words and surface switches, as read from the kernel, with the time within which each one changed.
//!
//! Hooks read them at the instant of an action, the daemon reads them now and then: between two readings either
//! value may have been in force, and judgement has to say so rather than call one of them wrong.

use std::collections::{BTreeMap, VecDeque};

use guard_common::Surface;
use guard_common::map::switch::{KILL_ALL, KillMode};

use crate::model::action::BootNs;

/// Changes kept for each switch.
pub const CHANGES_KEPT: usize = 8;

/// What a switch was at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was<T> {
    /// This.
    Certainly(T),
    /// It changed about then, or the time lies before the first reading.
    Uncertain,
}

/// One switch: its value now, and its last changes.
#[derive(Clone, Debug)]
pub struct Switch<T> {
    value: T,
    changes: VecDeque<Change<T>>,
}

/// `before` was in force until at least `after`; the next value from at most `by`.
#[derive(Clone, Copy, Debug)]
struct Change<T> {
    before: T,
    after: BootNs,
    by: BootNs,
}

impl<T: Copy + PartialEq> Switch<T> {
    fn new(value: T) -> Self {
        Self { value, changes: VecDeque::new() }
    }

    fn read(&mut self, value: T, last_read: BootNs, now: BootNs) {
        if value == self.value {
            return;
        }
        self.changes.push_back(Change { before: self.value, after: last_read, by: now });
        self.value = value;
        while self.changes.len() > CHANGES_KEPT {
            self.changes.pop_front();
        }
    }

    fn at(&self, at: BootNs) -> Was<T> {
        let mut value = self.value;
        for change in self.changes.iter().rev() {
            if at > change.by {
                return Was::Certainly(value);
            }
            if at > change.after {
                return Was::Uncertain;
            }
            value = change.before;
        }
        // A full history may have dropped the change that matters.
        if self.changes.len() == CHANGES_KEPT { Was::Uncertain } else { Was::Certainly(value) }
    }
}

/// One reading of the kernel's switches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// When the reading began: a value that differs from the one before may have changed since then.
    pub began: BootNs,
    /// When it was complete.
    pub at: BootNs,
    /// Kill words that are not [`KillMode::Run`], by slot; [`KILL_ALL`] is everybody's.
    pub kill: BTreeMap<u32, KillMode>,
    /// Surfaces that are switched off.
    pub off: Vec<Surface>,
}

/// All switches.
#[derive(Clone, Debug, Default)]
pub struct Switches {
    first_read: Option<BootNs>,
    last_read: BootNs,
    kill: BTreeMap<u32, Switch<KillMode>>,
    off: BTreeMap<Surface, Switch<bool>>,
}

impl Switches {
    /// Takes a reading.
    pub fn read(&mut self, reading: &Reading) {
        if self.first_read.is_none() {
            self.first_read = Some(reading.at);
            self.last_read = reading.began;
        }
        let last = self.last_read;
        let slots: Vec<u32> = self.kill.keys().chain(reading.kill.keys()).copied().collect();
        for slot in slots {
            let mode = reading.kill.get(&slot).copied().unwrap_or(KillMode::Run);
            let switch = self.kill.entry(slot).or_insert_with(|| Switch::new(KillMode::Run));
            switch.read(mode, last, reading.at);
        }
        for surface in Surface::ALL {
            let switch = self.off.entry(*surface).or_insert_with(|| Switch::new(false));
            switch.read(reading.off.contains(surface), last, reading.at);
        }
        self.last_read = reading.began;
    }

    /// The kill word of a slot at some instant.
    pub fn kill_at(&self, slot: u32, at: BootNs) -> Was<KillMode> {
        if self.before_first(at) {
            return Was::Uncertain;
        }
        let word = self.kill.get(&slot).map_or(Was::Certainly(KillMode::Run), |switch| switch.at(at));
        self.unless_too_new(word, at)
    }

    /// Whether a surface was off at some instant.
    pub fn off_at(&self, surface: Surface, at: BootNs) -> Was<bool> {
        if self.before_first(at) {
            return Was::Uncertain;
        }
        let off = self.off.get(&surface).map_or(Was::Certainly(false), |switch| switch.at(at));
        self.unless_too_new(off, at)
    }

    /// The kill word of a slot, as last read.
    pub fn kill(&self, slot: u32) -> KillMode {
        self.kill.get(&slot).map_or(KillMode::Run, |switch| switch.value)
    }

    /// Everybody's kill word, as last read.
    pub fn kill_all(&self) -> KillMode {
        self.kill(KILL_ALL)
    }

    /// Slots whose kill word was not [`KillMode::Run`] when last read.
    pub fn killed(&self) -> impl Iterator<Item = (u32, KillMode)> {
        let words = self.kill.iter().map(|(slot, switch)| (*slot, switch.value));
        words.filter(|(_, mode)| *mode != KillMode::Run)
    }

    /// Surfaces that are off, as last read.
    pub fn surfaces_off(&self) -> impl Iterator<Item = Surface> {
        self.off.iter().filter(|(_, switch)| switch.value).map(|(surface, _)| *surface)
    }

    fn before_first(&self, at: BootNs) -> bool {
        self.first_read.is_none_or(|first| at < first)
    }

    // What happened after the last reading began may have met a switch that nobody has read since.
    fn unless_too_new<T>(&self, was: Was<T>, at: BootNs) -> Was<T> {
        if at > self.last_read { Was::Uncertain } else { was }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at: BootNs, all: KillMode) -> Reading {
        Reading { began: at, at, kill: BTreeMap::from([(KILL_ALL, all)]), off: Vec::new() }
    }

    #[test]
    fn between_two_readings_that_differ_nothing_is_certain() {
        let mut switches = Switches::default();
        switches.read(&reading(100, KillMode::Run));
        switches.read(&reading(200, KillMode::Terminate));
        switches.read(&reading(300, KillMode::Terminate));
        assert_eq!(switches.kill_at(KILL_ALL, 100), Was::Certainly(KillMode::Run));
        assert_eq!(switches.kill_at(KILL_ALL, 150), Was::Uncertain);
        assert_eq!(switches.kill_at(KILL_ALL, 250), Was::Certainly(KillMode::Terminate));
        assert_eq!(switches.kill_at(KILL_ALL, 301), Was::Uncertain, "nobody has read it since");
        assert_eq!(switches.kill_at(KILL_ALL, 50), Was::Uncertain, "before the first reading");
    }

    #[test]
    fn a_switch_that_went_back_and_forth_is_known_for_each_stretch() {
        let mut switches = Switches::default();
        switches.read(&Reading { began: 1, at: 1, ..Reading::default() });
        switches.read(&Reading { began: 10, at: 11, off: vec![Surface::Write], ..Reading::default() });
        switches.read(&Reading { began: 20, at: 21, ..Reading::default() });
        switches.read(&Reading { began: 30, at: 31, ..Reading::default() });
        assert_eq!(switches.off_at(Surface::Write, 1), Was::Certainly(false));
        assert_eq!(switches.off_at(Surface::Write, 5), Was::Uncertain);
        assert_eq!(switches.off_at(Surface::Write, 15), Was::Uncertain);
        assert_eq!(switches.off_at(Surface::Write, 25), Was::Certainly(false));
        assert_eq!(switches.off_at(Surface::Read, 15), Was::Certainly(false));
    }
}
