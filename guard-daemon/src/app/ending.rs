//! Ceasing to be an agent. An instance lives as long as a process lives in its cgroup or carries its label,
//! wherever that process was moved: only then are its slot and its zones free for others.

use std::collections::{BTreeSet, HashMap};

use guard_common::map::switch::KillMode;

use super::agents::folders;
use super::agents::registry::Agent;
use super::daemon::Daemon;
use super::saved;
use crate::control::peer;
use crate::kernel::{AgentCgroup, boot_ns};
use crate::model::input::Input;
use crate::model::record::Launch;

impl Daemon {
    /// guard's cgroups, and those of enrolled instances, by their ids. Where guard's own cannot be listed they are left
    /// out, and count as empty: who has ended is then told by the labels alone.
    pub(super) fn cgroups_by_id(&self) -> HashMap<u64, AgentCgroup> {
        let all = self.cgroups.all().unwrap_or_else(|error| {
            tracing::error!("guard's cgroups cannot be listed: {error}");
            Vec::new()
        });
        let enrolled = self.registry.alive().filter_map(|agent| {
            let Launch { instance, cgroup, .. } = &agent.launch;
            self.cgroups.enrolled(agent.enrolled.as_ref()?, *cgroup, instance.slot, &instance.agent)
        });
        all.into_iter().chain(enrolled).map(|cgroup| (cgroup.id(), cgroup)).collect()
    }

    /// Looks whose last process has ended.
    pub(super) fn look_for_ends(&mut self) {
        let cgroups = self.cgroups_by_id();
        let populated = |agent: &&Agent| {
            let cgroup = cgroups.get(&agent.launch.cgroup);
            // An enrolled one lives as long as its cgroup: somebody may enter it at any time.
            cgroup.is_some_and(|cgroup| agent.enrolled.is_some() || cgroup.populated().unwrap_or(false))
        };
        let empty: Vec<u32> =
            self.registry.alive().filter(|agent| !populated(agent)).map(Agent::slot).collect();
        if empty.is_empty() {
            return;
        }
        match self.labelled_slots() {
            Ok(labelled) => {
                empty.into_iter().filter(|slot| !labelled.contains(slot)).for_each(|slot| self.end(slot))
            }
            Err(error) => {
                tracing::error!("who carries a label cannot be seen, so nobody is taken for ended: {error}")
            }
        }
    }

    /// Slots whose label a living process carries.
    pub(super) fn labelled_slots(&self) -> std::io::Result<BTreeSet<u32>> {
        let labelled = self.labels.all()?;
        Ok(labelled.iter().filter(|one| !peer::is_zombie(one.pid)).map(|one| one.label.agent).collect())
    }

    /// An instance ended: recorded, and its place cleaned.
    pub(super) fn end(&mut self, slot: u32) {
        self.note(Input::Exit { slot, at: boot_ns() });
        self.registry.end(slot);
        self.clean_up(slot);
        self.save_agents_or_say();
    }

    pub(super) fn clean_up(&mut self, slot: u32) {
        self.registry.end(slot);
        let Some(agent) = self.registry.get(slot).cloned() else { return };
        let left = self.registry.marks_left_by(&agent);
        let unmarked = self.maps.remove_private_marks(&left);
        let unregistered = self.maps.unregister_cgroup(agent.launch.cgroup);
        let taken = self.maps.take_back(slot);
        for error in [unmarked, unregistered, taken].into_iter().filter_map(Result::err) {
            tracing::warn!(slot, "what an ended agent left in the kernel cannot be cleaned: {error}");
        }
        if let Some(Err(error)) =
            self.cgroups_by_id().remove(&agent.launch.cgroup).map(|cgroup| cgroup.remove())
        {
            tracing::warn!(slot, "its cgroup stays: {error}");
        }
        self.handles.remove(&slot);
        if agent.enrolled.is_some() {
            // An order stands against its name, and finds the next of that name: a unit that is started again and
            // again must not use up every slot.
            if let Err(error) = self.maps.switches.set_kill_mode(slot, KillMode::Run) {
                tracing::warn!(slot, "its kill word stays: {error}");
            }
            return;
        }
        let temp = agent.temp.path;
        // What an agent left there can be much: not on the loop's time.
        tokio::task::spawn_blocking(move || remove_temp_or_say(&temp));
    }

    pub(super) fn save_agents(&self) -> Result<(), String> {
        let path = self.paths.instances();
        saved::write(&path, &self.registry.saved()).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub(super) fn save_agents_or_say(&self) {
        if let Err(error) = self.save_agents() {
            tracing::error!("after a restart the daemon would take ended agents for living: {error}");
        }
    }
}

pub(super) fn remove_temp_or_say(temp: &std::path::Path) {
    if let Err(error) = folders::remove_temp(temp) {
        tracing::warn!("{}: cannot be removed: {error}", temp.display());
    }
}
