//! After a start: who lives from before. Labels in the kernel outlive a daemon, so their instances must be known
//! again before their next event is judged.

use std::collections::BTreeSet;
use std::path::PathBuf;

use guard_common::map::enrol::{LABEL_WAITS, LABEL_WITHOUT_SLOT, NO_SLOT};
use guard_common::map::label::Label;

use super::agents::folders::Folder;
use super::agents::registry::Agent;
use super::daemon::Daemon;
use super::ending::remove_temp_or_say;
use crate::kernel::{AgentCgroup, EnrolError, run_enrol_iterator};
use crate::model::input::Input;
use crate::model::record::{Instance, Launch, Operator};
use crate::policy::resolve::object;

impl Daemon {
    /// Makes every instance known again: those that the state file names, and those that only the kernel's maps
    /// and the cgroup tree still show.
    pub(super) fn adopt(&mut self) -> Result<(), String> {
        self.maps.look_after_everybody();
        self.recall_unknown()?;
        let agents: Vec<Agent> = self.registry.alive().cloned().collect();
        let cgroups = self.cgroups_by_id();
        for agent in &agents {
            let (launch, profile, at) = (agent.launch.clone(), agent.profile, agent.at);
            self.note(Input::Adopted { launch, profile, at });
            self.hold_folders(agent);
            if let Some(cgroup) = cgroups.get(&agent.launch.cgroup) {
                self.watch_again(agent, cgroup)?;
            }
        }
        self.remove_leftovers(&agents);
        // Whoever was in a cgroup and has no label, because the programs were loaded anew.
        self.label_found()?;
        self.look_for_ends();
        Ok(())
    }

    /// Labels every task in an agent's cgroup that has no label yet.
    pub(super) fn label_threads(&self) -> Result<(), String> {
        let entered = self.maps.entered();
        run_enrol_iterator(&self.pins).map_err(|error| error.to_string())?;
        self.maps.settle_entered(entered);
        Ok(())
    }

    /// The same, and whoever was in a cgroup before its rule was is no longer looked for.
    pub(super) fn label_found(&mut self) -> Result<(), String> {
        self.label_threads()?;
        self.maps.settle_found().map_err(|error| error.to_string())
    }

    fn watch_again(&mut self, agent: &Agent, cgroup: &AgentCgroup) -> Result<(), String> {
        self.maps.register_cgroup(agent.launch.cgroup, agent.label()).map_err(|error| error.to_string())?;
        if agent.enrolled.is_none() {
            self.ends.watch(agent.slot(), cgroup.path());
        }
        tracing::info!(
            agent = agent.launch.instance.agent,
            slot = agent.slot(),
            "an agent lives from before"
        );
        Ok(())
    }

    /// Keeps the inode numbers valid, where the folders are still there.
    fn hold_folders(&mut self, agent: &Agent) {
        if let (Ok((_, work)), Ok((_, temp))) = (object(&agent.work.path), object(&agent.temp.path)) {
            self.handles.insert(agent.slot(), [work, temp]);
        }
    }

    /// Instances whose state file was lost: the kernel knows their labels, and nothing else is known.
    fn recall_unknown(&mut self) -> Result<(), String> {
        let known: BTreeSet<u64> = self.registry.alive().map(|agent| agent.launch.cgroup).collect();
        let cgroups = self.cgroups.all().map_err(|error| error.to_string())?;
        // First the slots that lie ready, then the cgroups: what is taken meanwhile is in one of them.
        self.registry.note_reserved(self.maps.reserve());
        let rows = self.maps.cgroups().map_err(|error| error.to_string())?;
        self.registry.note_reserved(rows.iter().map(|(_, label)| label.agent));
        let labelled: BTreeSet<u64> = rows.iter().map(|(id, _)| *id).collect();
        for cgroup in &cgroups {
            if !known.contains(&cgroup.id()) && !labelled.contains(&cgroup.id()) {
                self.refuse_stray(cgroup)?;
            }
        }
        for (id, label) in rows {
            // What rules enrolled is heard of in its ring.
            if known.contains(&id) || label.flags & LABEL_WAITS != 0 {
                continue;
            }
            match cgroups.iter().find(|cgroup| cgroup.id() == id) {
                // A daemon before this one knew nothing of it either.
                Some(cgroup) if label.agent == NO_SLOT => self.keep_stray(cgroup),
                Some(cgroup) => {
                    let agent = self.unknown(cgroup, label);
                    tracing::warn!(slot = label.agent, "an agent lives of which only its label is known");
                    self.registry.insert(agent);
                }
                None => self.maps.unregister_cgroup(id).map_err(|error| error.to_string())?,
            }
        }
        Ok(())
    }

    /// A cgroup of guard's own of which nobody knows whose it is: the state file is lost, and the kernel's row with it.
    /// Who lives in it is some agent's, under rules that nobody knows any more: refused everything, until it ends.
    fn refuse_stray(&mut self, cgroup: &AgentCgroup) -> Result<(), String> {
        if is_empty(cgroup) {
            return Ok(());
        }
        let label = Label { flags: 0, ..LABEL_WITHOUT_SLOT };
        self.maps.register_cgroup(cgroup.id(), label).map_err(|error| error.to_string())?;
        self.keep_stray(cgroup);
        Ok(())
    }

    fn keep_stray(&mut self, cgroup: &AgentCgroup) {
        tracing::error!("{}", stray(cgroup));
        self.strays.push(cgroup.clone());
    }

    /// Cgroups without an agent go when their last process has ended. Labels once given stay.
    pub(super) fn end_strays(&mut self) {
        let Self { strays, maps, .. } = self;
        // Removed first: who slips in until then is refused still. What fails is tried again.
        strays.retain(|one| {
            !(is_empty(one) && one.remove().is_ok() && maps.unregister_cgroup(one.id()).is_ok())
        });
    }

    fn unknown(&self, cgroup: &AgentCgroup, label: Label) -> Agent {
        let name = cgroup.path().file_stem().map_or_else(|| "unknown".into(), |stem| stem.to_string_lossy());
        let profile = self.policy.compiled.profile_name(label.profile).unwrap_or("unknown");
        Agent {
            launch: Launch {
                instance: Instance {
                    agent: name.into_owned(),
                    slot: label.agent,
                    instance: format!("{}-slot-{}", self.registry.boot(), label.agent),
                    profile: profile.to_owned(),
                },
                workdir: String::new(),
                cgroup: cgroup.id(),
                by: Operator::UNKNOWN,
                command: Vec::new(),
            },
            profile: label.profile,
            at: 0,
            work: Folder::unknown(label.work),
            temp: Folder::unknown(label.temp),
            alive: true,
            denied: 0,
            enrolled: None,
        }
    }

    /// Cgroups and temporary folders that nobody lives in.
    fn remove_leftovers(&self, agents: &[Agent]) {
        let strays = self.strays.iter().map(AgentCgroup::id);
        let own: BTreeSet<u64> = agents.iter().map(|agent| agent.launch.cgroup).chain(strays).collect();
        for cgroup in self.cgroups.all().unwrap_or_default() {
            if !own.contains(&cgroup.id())
                && let Err(error) = cgroup.remove()
            {
                tracing::warn!("{} belongs to no agent, and stays: {error}", cgroup.path().display());
            }
        }
        let used: BTreeSet<PathBuf> = agents.iter().map(|agent| agent.temp.path.clone()).collect();
        let entries = std::fs::read_dir(self.paths.temps()).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| !used.contains(path)) {
            tokio::task::spawn_blocking(move || remove_temp_or_say(&path));
        }
    }
}

/// What is to be known of a cgroup without an agent.
pub(super) fn stray(cgroup: &AgentCgroup) -> String {
    let path = cgroup.path().display();
    format!(
        "{path} belongs to no agent that is known, so whoever is in it is refused everything; `echo 1 > \
         {path}/cgroup.kill` ends them"
    )
}

/// Whether nobody lives in it. One that cannot be looked into may have somebody.
fn is_empty(cgroup: &AgentCgroup) -> bool {
    matches!(cgroup.populated(), Ok(false) | Err(EnrolError::Vanished { .. }))
}
