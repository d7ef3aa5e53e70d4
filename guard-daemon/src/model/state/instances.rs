//! Agent instances by their slot. An ended one stays known until its slot is given away again: its last
//! events may still stand in a ring.

use std::collections::{BTreeMap, BTreeSet};

use guard_common::map::label::PROBE;

use crate::model::action::BootNs;
use crate::model::record::Instance;

/// One instance, as judgement needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Names and slot.
    pub instance: Instance,
    /// Profile's index, as in its label.
    pub profile: u16,
    /// Its cgroup's id; `None` for one that has another each time.
    pub cgroup: Option<u64>,
    /// Ids of cgroups below it that are its own.
    pub below: BTreeSet<u64>,
    /// When it was enrolled.
    pub since: BootNs,
    /// When its last process ended.
    pub ended: Option<BootNs>,
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Instances {
    by_slot: BTreeMap<u32, Enrolled>,
    probe: Enrolled,
}

impl Default for Instances {
    fn default() -> Self {
        let instance = Instance {
            agent: "guard-doctor".to_owned(),
            slot: PROBE.agent,
            instance: "probe".to_owned(),
            profile: "none".to_owned(),
        };
        let (profile, below) = (PROBE.profile, BTreeSet::new());
        let probe = Enrolled { instance, profile, cgroup: None, below, since: 0, ended: None };
        Self { by_slot: BTreeMap::new(), probe }
    }
}

impl Instances {
    /// Takes an instance; whoever had its slot before is forgotten.
    pub fn enrol(&mut self, enrolled: Enrolled) {
        self.by_slot.insert(enrolled.instance.slot, enrolled);
    }

    /// Notes cgroups below an instance's.
    pub fn grow(&mut self, slot: u32, below: Vec<u64>) {
        if let Some(enrolled) = self.by_slot.get_mut(&slot) {
            enrolled.below.extend(below);
        }
    }

    /// Notes an instance's end; gives it back where it was alive.
    pub fn end(&mut self, slot: u32, at: BootNs) -> Option<&Enrolled> {
        let enrolled = self.by_slot.get_mut(&slot)?;
        if enrolled.ended.is_some() {
            return None;
        }
        enrolled.ended = Some(at);
        Some(enrolled)
    }

    /// The instance with this label slot, living or ended. The probe of `guard doctor` is known and never launched.
    pub fn by_slot(&self, slot: u32) -> Option<&Enrolled> {
        if slot == PROBE.agent { Some(&self.probe) } else { self.by_slot.get(&slot) }
    }

    /// Every known instance, by slot.
    pub fn all(&self) -> impl Iterator<Item = &Enrolled> {
        self.by_slot.values()
    }

    /// Every living instance, by slot.
    pub fn alive(&self) -> impl Iterator<Item = &Enrolled> {
        self.all().filter(|enrolled| enrolled.ended.is_none())
    }
}
