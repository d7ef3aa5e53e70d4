//! Who lives where: slots, private zones, cgroups, folders. Gives a number away again as late as it can, so
//! that what still carries an old one is not taken for somebody else.

use std::collections::{BTreeMap, BTreeSet};

use guard_common::ZoneId;
use guard_common::map::enrol::LABEL_WAITS;
use guard_common::map::label::Label;
use guard_common::map::label::PROBE;
use guard_common::map::zone::Mark;
use serde::{Deserialize, Serialize};

use super::folders::Folder;
use crate::model::action::BootNs;
use crate::model::record::Launch;
use crate::policy::rows::InodeKey;

/// Ended instances that are still listed.
pub(crate) const ENDED_MAX: usize = 256;

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agent {
    /// What its record says.
    pub launch: Launch,
    /// Profile's index, as in its label.
    pub profile: u16,
    /// When it was launched.
    pub at: BootNs,
    /// Work folder.
    pub work: Folder,
    /// Private temporary folder.
    pub temp: Folder,
    /// Whether a process of it may live.
    pub alive: bool,
    /// Refusals so far.
    pub denied: u64,
    /// Path of the host's cgroup that was enrolled, from the hierarchy's root; absent where guard made the cgroup.
    #[serde(default)]
    pub enrolled: Option<String>,
}

impl Agent {
    /// Its slot.
    pub(crate) fn slot(&self) -> u32 {
        self.launch.instance.slot
    }

    /// Its cgroup's label.
    pub(crate) fn label(&self) -> Label {
        let Self { profile, work, temp, enrolled, .. } = self;
        let flags = if enrolled.is_some() { LABEL_WAITS } else { 0 };
        let (agent, profile, work, temp) = (self.slot(), *profile, work.zone, temp.zone);
        Label { agent, profile, flags, work, temp, mounts: 0 }
    }

    fn folders(&self) -> [&Folder; 2] {
        [&self.work, &self.temp]
    }
}

/// What is kept over a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedAgents {
    /// Boot that the instances belong to.
    pub boot: String,
    /// Launches of that boot so far.
    pub launches: u64,
    /// Living instances.
    pub agents: Vec<Agent>,
}

/// All instances.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    boot: String,
    launches: u64,
    last_slot: u32,
    last_zone: u16,
    agents: BTreeMap<u32, Agent>,
    /// Slots that the kernel's programs may give away, or have given away unheard.
    reserved: BTreeSet<u32>,
    /// Those of them that were nowhere to be seen when it was last looked.
    astray: BTreeSet<u32>,
}

/// Why no instance can be added.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    /// Every slot is taken.
    #[error("{} instances live, are halted, or have their slot kept; end some, or lift their kill orders", PROBE.agent - 1)]
    Slots,
    /// Every private zone is taken.
    #[error("every private zone is taken; end some agents")]
    Zones,
}

impl Registry {
    /// An empty one for this boot.
    pub(crate) fn new(boot: String) -> Self {
        Self { boot, ..Self::default() }
    }

    /// Takes up what an earlier daemon of this boot saved. Of another boot nothing lives.
    pub(crate) fn resume(boot: String, saved: Option<SavedAgents>) -> Self {
        let mut registry = Self::new(boot);
        let Some(saved) = saved.filter(|saved| saved.boot == registry.boot) else { return registry };
        registry.launches = saved.launches;
        for agent in saved.agents {
            registry.last_slot = registry.last_slot.max(agent.slot());
            registry.last_zone = registry.last_zone.max(agent.work.zone).max(agent.temp.zone);
            registry.agents.insert(agent.slot(), agent);
        }
        registry
    }

    /// The boot that instances are named after.
    pub(crate) fn boot(&self) -> &str {
        &self.boot
    }

    /// What has to be saved.
    pub(crate) fn saved(&self) -> SavedAgents {
        SavedAgents {
            boot: self.boot.clone(),
            launches: self.launches,
            agents: self.alive().cloned().collect(),
        }
    }

    /// A name for ever: boot and launch number.
    pub(crate) fn next_instance(&mut self) -> String {
        self.launches += 1;
        format!("{}-{}", self.boot, self.launches)
    }

    /// A slot that nobody lives in, and whose kill word `halted` does not name.
    pub(crate) fn free_slot(&mut self, halted: &BTreeSet<u32>) -> Result<u32, Full> {
        let alive: BTreeSet<u32> = self.alive().map(Agent::slot).collect();
        let next = |slot: u32| if slot + 1 < PROBE.agent { slot + 1 } else { 1 };
        let mut slot = self.last_slot;
        for _ in 1..PROBE.agent {
            slot = next(slot);
            if !alive.contains(&slot) && !halted.contains(&slot) && !self.reserved.contains(&slot) {
                self.last_slot = slot;
                return Ok(slot);
            }
        }
        Err(Full::Slots)
    }

    /// A free slot that from now on only the kernel's programs give away.
    pub(crate) fn reserve(&mut self, halted: &BTreeSet<u32>) -> Option<u32> {
        let slot = self.free_slot(halted).ok()?;
        self.reserved.insert(slot);
        Some(slot)
    }

    /// Slots that lie ready in the kernel, or that a cgroup has there whose instance is not known yet.
    pub(crate) fn note_reserved(&mut self, slots: impl IntoIterator<Item = u32>) {
        let known: BTreeSet<u32> = self.alive().map(Agent::slot).collect();
        self.reserved.extend(slots.into_iter().filter(|slot| !known.contains(slot)));
    }

    /// A reserved slot has its instance.
    pub(crate) fn take(&mut self, slot: u32) {
        self.reserved.remove(&slot);
    }

    /// Compares with what lies ready in the kernel and, where something is missing there, with the slots of cgroups.
    /// What is in neither, twice in a row, was lost, and may be used again: once is not enough, for it may be on its
    /// way from one to the other.
    pub(crate) fn keep_reserved(
        &mut self,
        ready: &BTreeSet<u32>,
        enrolled: impl FnOnce() -> Option<BTreeSet<u32>>,
    ) {
        let is_missing = self.reserved.iter().any(|slot| !ready.contains(slot));
        let enrolled = if is_missing { enrolled() } else { Some(BTreeSet::new()) };
        // Who cannot look does not take away.
        let Some(enrolled) = enrolled else { return };
        let seen = |slot: &u32| ready.contains(slot) || enrolled.contains(slot);
        let astray: BTreeSet<u32> = self.reserved.iter().copied().filter(|slot| !seen(slot)).collect();
        self.reserved.retain(|slot| !(astray.contains(slot) && self.astray.contains(slot)));
        self.astray = astray;
    }

    /// A private zone that no living instance has.
    pub(crate) fn free_zone(&mut self) -> Result<u16, Full> {
        let first = ZoneId::PRIVATE_FIRST.0;
        let used: BTreeSet<u16> = self.alive().flat_map(Agent::folders).map(|folder| folder.zone).collect();
        let mut zone = self.last_zone.max(first);
        for _ in first..u16::MAX {
            zone = zone.checked_add(1).unwrap_or(first);
            if !used.contains(&zone) {
                self.last_zone = zone;
                return Ok(zone);
            }
        }
        Err(Full::Zones)
    }

    /// Adds a living instance; returns who had the slot before.
    pub(crate) fn insert(&mut self, agent: Agent) -> Option<Agent> {
        let before = self.agents.insert(agent.slot(), agent);
        self.forget_oldest();
        before
    }

    /// Forgets an instance that never lived.
    pub(crate) fn forget(&mut self, slot: u32) -> Option<Agent> {
        self.agents.remove(&slot)
    }

    /// Notes an end.
    pub(crate) fn end(&mut self, slot: u32) -> Option<&Agent> {
        let agent = self.agents.get_mut(&slot).filter(|agent| agent.alive)?;
        agent.alive = false;
        Some(agent)
    }

    /// The instance in a slot, living or ended.
    pub(crate) fn get(&self, slot: u32) -> Option<&Agent> {
        self.agents.get(&slot)
    }

    /// Counts a refusal.
    pub(crate) fn count_refusal(&mut self, slot: u32) {
        if let Some(agent) = self.agents.get_mut(&slot) {
            agent.denied += 1;
        }
    }

    /// Takes a count that the ledger gives: what was saved may be older.
    pub(crate) fn recall_refusals(&mut self, slot: u32, count: u64) {
        if let Some(agent) = self.agents.get_mut(&slot) {
            agent.denied = agent.denied.max(count);
        }
    }

    /// Every known instance, by slot.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Agent> {
        self.agents.values()
    }

    /// Living instances, by slot.
    pub(crate) fn alive(&self) -> impl Iterator<Item = &Agent> {
        self.all().filter(|agent| agent.alive)
    }

    /// Marks of every living instance's folders.
    pub(crate) fn marks(&self) -> Vec<(InodeKey, Mark)> {
        let marks: BTreeMap<InodeKey, Mark> = self
            .alive()
            .flat_map(Agent::folders)
            .filter(|folder| folder.is_known())
            .map(Folder::mark)
            .collect();
        marks.into_iter().collect()
    }

    /// Those of an ended instance's marked inodes that no living one shares.
    pub(crate) fn marks_left_by(&self, ended: &Agent) -> Vec<InodeKey> {
        let used: BTreeSet<InodeKey> = self.alive().flat_map(Agent::folders).map(Folder::inode).collect();
        let own = ended.folders().into_iter().filter(|folder| folder.is_known()).map(Folder::inode);
        own.filter(|inode| !used.contains(inode)).collect()
    }

    /// A living instance whose work folder is this very one.
    pub(crate) fn works_in(&self, inode: InodeKey) -> Option<&Agent> {
        self.alive().find(|agent| agent.work.inode() == inode)
    }

    fn forget_oldest(&mut self) {
        let mut ended: Vec<(BootNs, u32)> =
            self.all().filter(|agent| !agent.alive).map(|agent| (agent.at, agent.slot())).collect();
        ended.sort_unstable();
        let surplus = ended.len().saturating_sub(ENDED_MAX);
        ended.iter().take(surplus).for_each(|(_, slot)| drop(self.agents.remove(slot)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Instance, Operator};

    fn agent(slot: u32, zone: u16) -> Agent {
        let instance = Instance {
            agent: "coder".to_owned(),
            slot,
            instance: format!("boot-{slot}"),
            profile: "default".to_owned(),
        };
        let by = Operator { uid: 1000, login_uid: None, pid: 1 };
        let folder = |offset: u16| Folder {
            path: format!("/{slot}/{offset}").into(),
            dev: 1,
            ino: u64::from(zone + offset),
            zone: zone + offset,
        };
        Agent {
            launch: Launch { instance, workdir: "/w".into(), cgroup: 1, by, command: Vec::new() },
            profile: 0,
            at: u64::from(slot),
            work: folder(0),
            temp: folder(1),
            alive: true,
            denied: 0,
            enrolled: None,
        }
    }

    #[test]
    fn a_reserved_slot_is_given_to_nobody_else_until_it_is_lost_for_sure() {
        let mut registry = Registry::new("boot".to_owned());
        let none = BTreeSet::new();
        let slot = registry.reserve(&none).unwrap();
        registry.last_slot = slot - 1;
        assert_ne!(registry.free_slot(&none), Ok(slot));
        let nobody = || Some(BTreeSet::new());
        registry.keep_reserved(&BTreeSet::from([slot]), nobody);
        registry.keep_reserved(&none, nobody);
        registry.keep_reserved(&none, || Some(BTreeSet::from([slot])));
        registry.keep_reserved(&none, || None);
        registry.last_slot = slot - 1;
        assert_ne!(registry.free_slot(&none), Ok(slot), "a cgroup has it");
        registry.keep_reserved(&none, nobody);
        registry.keep_reserved(&none, nobody);
        registry.last_slot = slot - 1;
        assert_eq!(registry.free_slot(&none), Ok(slot));
    }

    #[test]
    fn slots_go_round_and_pass_over_the_living_and_the_halted() {
        let mut registry = Registry::new("boot".to_owned());
        let none = BTreeSet::new();
        assert_eq!(registry.free_slot(&none), Ok(1));
        registry.insert(agent(2, 1024));
        assert_eq!(registry.free_slot(&BTreeSet::from([3])), Ok(4));
        registry.end(2);
        assert_eq!(registry.free_slot(&none), Ok(5), "a slot is given again as late as possible");
        registry.last_slot = PROBE.agent - 1;
        assert_eq!(registry.free_slot(&none), Ok(1), "slot 0 is everybody's");
    }

    #[test]
    fn every_slot_can_be_taken_and_the_next_launch_is_told() {
        let mut registry = Registry::new("boot".to_owned());
        for _ in 1..PROBE.agent {
            let slot = registry.free_slot(&BTreeSet::new()).unwrap();
            registry.insert(agent(slot, u16::try_from(1024 + 2 * slot).unwrap()));
        }
        assert_eq!(registry.free_slot(&BTreeSet::new()), Err(Full::Slots));
    }

    #[test]
    fn a_private_zone_has_one_owner() {
        let mut registry = Registry::new("boot".to_owned());
        let mut given = BTreeSet::new();
        for slot in 1..100 {
            let zone = registry.free_zone().unwrap();
            assert!(ZoneId(zone).is_private() && given.insert(zone));
            let mut one = agent(slot, zone);
            one.temp.zone = registry.free_zone().unwrap();
            assert!(given.insert(one.temp.zone));
            registry.insert(one);
        }
    }

    #[test]
    fn a_restart_finds_the_living_and_another_boot_finds_nobody() {
        let mut registry = Registry::new("boot".to_owned());
        let first = registry.next_instance();
        registry.insert(agent(1, 1024));
        registry.insert(agent(2, 1030));
        registry.end(2);
        let saved = registry.saved();
        let mut same = Registry::resume("boot".to_owned(), Some(saved.clone()));
        assert_eq!(same.alive().map(Agent::slot).collect::<Vec<_>>(), [1]);
        assert_ne!(same.next_instance(), first);
        assert_eq!(Registry::resume("later".to_owned(), Some(saved)).all().count(), 0);
    }

    #[test]
    fn a_shared_work_folder_keeps_its_mark_until_the_last_one_ends() {
        let mut registry = Registry::new("boot".to_owned());
        let (first, mut second) = (agent(1, 1024), agent(2, 1030));
        second.work = first.work.clone();
        registry.insert(first.clone());
        registry.insert(second.clone());
        assert_eq!(registry.marks().len(), 3);
        registry.end(1);
        assert_eq!(registry.marks_left_by(&first), [first.temp.inode()]);
        registry.end(2);
        assert_eq!(registry.marks_left_by(&second).len(), 2);
    }

    #[test]
    fn ended_instances_are_forgotten_beyond_the_bound() {
        let mut registry = Registry::new("boot".to_owned());
        for slot in 1..=(u32::try_from(ENDED_MAX).unwrap() + 10) {
            registry.insert(agent(slot, 1024));
            registry.end(slot);
        }
        registry.insert(agent(4000, 2048));
        assert_eq!(registry.all().count(), ENDED_MAX + 1);
        assert!(registry.get(1).is_none() && registry.get(4000).is_some());
    }
}
