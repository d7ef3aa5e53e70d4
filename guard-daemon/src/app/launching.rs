//! Becoming an agent, and ceasing to be one. Asks the policy who may start what and where; the engine whether
//! anybody may now.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

use guard_common::{Surface, Verdict};
use nix::libc;

use super::agents::folders::{self, Current, Folder};
use super::agents::name;
use super::agents::registry::Agent;
use super::daemon::Daemon;
use crate::control::peer::Peer;
use crate::control::wire::Response;
use crate::kernel::boot_ns;
use crate::model::input::Input;
use crate::model::record::{Instance, Launch};
use crate::policy::resolve::{object, object_of};
use crate::policy::rows::InodeKey;
use crate::policy::{Launcher, Profile};

/// Living instances of one user who is no operator, so that no user takes every slot.
const PER_USER_MAX: usize = 256;

/// What somebody asks to become.
pub(super) struct Wish {
    pub(super) agent: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) command: Vec<String>,
}

/// A process that waits to be let in.
pub(super) struct Launching {
    peer: Peer,
    /// Whether its launch stands in the ledger.
    recorded: bool,
}

/// A wish that the policy allows.
struct Allowed {
    agent: String,
    profile: (u16, String),
    workdir: Current,
    command: Vec<String>,
}

impl Daemon {
    /// Makes the peer an agent, or says why not.
    pub(super) fn launch(&mut self, peer: &Peer, wish: Wish) -> Result<Response, String> {
        let allowed = self.allow(peer, wish)?;
        let agent = self.prepare(peer, allowed)?;
        let slot = agent.slot();
        self.launching = Some(Launching { peer: peer.clone(), recorded: false });
        let input = Input::Launch { launch: agent.launch.clone(), profile: agent.profile, at: agent.at };
        let done = self.take(input);
        let recorded = self.launching.take().is_some_and(|launching| launching.recorded);
        match done {
            Ok(()) => Ok(Response::Launched {
                instance: agent.launch.instance,
                environment: folders::environment(&agent.temp.path),
            }),
            Err(why) => {
                self.undo(slot, recorded);
                Err(why)
            }
        }
    }

    fn allow(&self, peer: &Peer, wish: Wish) -> Result<Allowed, String> {
        let (index, profile) = self.profile(wish.profile.as_deref())?;
        let who = Launcher { uid: peer.uid, user: peer.user.clone(), groups: peer.groups.clone() };
        if !profile.launch.permits_user(&who) {
            return Err(format!(
                "the policy does not let user {} start profile `{}`; `launch` of the profile names who may",
                peer.user.clone().unwrap_or_else(|| peer.uid.to_string()),
                profile.name
            ));
        }
        let living = self.registry.alive().filter(|agent| agent.launch.by.uid == peer.uid).count();
        if living >= PER_USER_MAX && !peer.operator {
            return Err(format!(
                "{living} agents of yours live already, which is the most for one user; end some"
            ));
        }
        let workdir = self.allow_workdir(peer, (index, profile), &who)?;
        let agent = match wish.agent {
            Some(agent) => name::check(&agent).map(|()| agent)?,
            None => name::from_command(&wish.command),
        };
        Ok(Allowed { agent, profile: (index, profile.name.clone()), workdir, command: wish.command })
    }

    fn profile(&self, wanted: Option<&str>) -> Result<(u16, &Profile), String> {
        let compiled = &self.policy.compiled;
        let known =
            || compiled.profiles().map(|(_, profile)| profile.name.clone()).collect::<Vec<_>>().join(", ");
        match wanted {
            Some(wanted) => compiled
                .profile(wanted)
                .ok_or_else(|| format!("the policy has no profile `{wanted}`; it has: {}", known())),
            None => compiled
                .default_profile()
                .ok_or_else(|| format!("the policy has no default profile; name one of: {}", known())),
        }
    }

    fn allow_workdir(
        &self,
        peer: &Peer,
        (index, profile): (u16, &Profile),
        who: &Launcher,
    ) -> Result<Current, String> {
        let current = folders::current_of(peer.pid)?;
        let workdir = &current.path;
        folders::refuse_inside(workdir, &self.paths.guarded())?;
        folders::refuse_overlap(workdir, &[self.paths.guarded(), self.policy.roots()].concat())?;
        if !profile.launch.permits_workdir(who, workdir) {
            return Err(format!(
                "profile `{}` may not work in {}; it may below: {}",
                profile.name,
                workdir.display(),
                profile.launch.workdirs.join(", ")
            ));
        }
        // Its mark covers the zone it lies in: a folder of keys does not become readable by being worked in.
        let compiled = &self.policy.compiled;
        let zone = compiled.zone_of_path(workdir);
        if compiled.verdict(index, zone, Surface::Read) != Some(Verdict::Allow) {
            return Err(format!(
                "the work folder {} lies in zone {}, which profile `{}` may not read; change into another folder",
                workdir.display(),
                compiled.zone_name(zone).unwrap_or("?"),
                profile.name
            ));
        }
        // Its mark changes what other agents see there: only who owns the folder may set one.
        let owner = current.owner;
        if owner != peer.uid && !peer.operator {
            return Err(format!("the work folder {} belongs to user {owner}, not to you", workdir.display()));
        }
        Ok(current)
    }

    /// Makes everything that the instance needs, and lets nobody in.
    fn prepare(&mut self, peer: &Peer, allowed: Allowed) -> Result<Agent, String> {
        let Allowed { agent, profile: (index, profile), workdir, command } = allowed;
        self.read_switches();
        let slot = self.registry.free_slot(&self.halted_slots()).map_err(|full| full.to_string())?;
        let instance = self.registry.next_instance();
        let (work, work_handle) = self.work_folder(workdir, peer)?;
        let cgroup = self.cgroups.create(&agent, slot).map_err(|error| error.to_string())?;
        let (temp, temp_handle) = match self.temp_folder(&instance, peer) {
            Ok(temp) => temp,
            Err(why) => {
                // Nobody was in it: what cannot be removed now is removed by the next in this slot.
                let _ = cgroup.remove();
                return Err(why);
            }
        };
        let launch = Launch {
            instance: Instance { agent, slot, instance, profile },
            workdir: work.path.display().to_string(),
            cgroup: cgroup.id(),
            by: peer.as_operator(),
            command,
        };
        let agent = Agent {
            launch,
            profile: index,
            at: boot_ns(),
            work,
            temp,
            alive: true,
            denied: 0,
            enrolled: None,
        };
        self.registry.insert(agent.clone());
        self.handles.insert(slot, [work_handle, temp_handle]);
        if let Err(why) = self.put_in_kernel(&agent) {
            self.undo(slot, false);
            return Err(why);
        }
        Ok(agent)
    }

    fn put_in_kernel(&mut self, agent: &Agent) -> Result<(), String> {
        self.save_agents()
            .map_err(|why| format!("nothing was started: the agent cannot be noted down: {why}"))?;
        let marks = [agent.work.mark(), agent.temp.mark()];
        self.maps.add_private_marks(&marks).map_err(|error| error.to_string())?;
        self.maps.register_cgroup(agent.launch.cgroup, agent.label()).map_err(|error| error.to_string())
    }

    /// The work folder's object. Instances of one user share one; another user's is not shared.
    fn work_folder(&mut self, workdir: Current, peer: &Peer) -> Result<(Folder, OwnedFd), String> {
        let Current { path, handle, .. } = workdir;
        let ((dev, ino), handle) =
            object_of(handle).map_err(|error| format!("{}: {error}", path.display()))?;
        let zone = match self.registry.works_in((dev, ino)) {
            Some(other) if other.launch.by.uid == peer.uid => other.work.zone,
            Some(other) => {
                let (who, uid) = (&other.launch.instance.agent, other.launch.by.uid);
                return Err(format!(
                    "agent {who} of user {uid} works in {}; wait until it has ended",
                    path.display()
                ));
            }
            None => self.registry.free_zone().map_err(|full| full.to_string())?,
        };
        Ok((Folder { path, dev, ino, zone }, handle))
    }

    fn temp_folder(&mut self, instance: &str, peer: &Peer) -> Result<(Folder, OwnedFd), String> {
        let path = folders::make_temp(&self.paths.temps(), instance, peer.uid, peer.gid)
            .map_err(|error| format!("no temporary folder can be made: {error}"))?;
        let ((dev, ino), handle) = object(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let zone = self.registry.free_zone().map_err(|full| full.to_string())?;
        Ok((Folder { path, dev, ino, zone }, handle))
    }

    /// Lets the process in, now that it stands in the ledger.
    pub(super) fn admit(&mut self, slot: u32) -> Result<(), String> {
        let (Some(agent), Some(launching)) = (self.registry.get(slot), self.launching.as_mut()) else {
            return Err(format!("guard is wrong, please report it: nobody waits for slot {slot}"));
        };
        launching.recorded = true;
        let label = agent.label();
        let peer = launching.peer.clone();
        if !peer.is_alive() {
            return Err(format!("process {} has ended", peer.pid));
        }
        let cgroup = self
            .cgroups_by_id()
            .remove(&agent.launch.cgroup)
            .ok_or("the agent's cgroup has vanished; start it again")?;
        self.maps.give(slot, &held_open(peer.pid)).map_err(|error| error.to_string())?;
        cgroup.admit(peer.pid).map_err(|error| error.to_string())?;
        self.label_threads()?;
        let inside = cgroup.pids().map_err(|error| error.to_string())?;
        let labelled = self.labels.of(peer.pid).map_err(|error| error.to_string())?;
        if !inside.contains(&peer.pid) || !peer.is_alive() {
            return Err(format!("process {} left before it was an agent", peer.pid));
        }
        if labelled.map(|labelled| labelled.label) != Some(label) {
            return Err(format!(
                "the kernel did not label process {}; `guard status` tells its faults",
                peer.pid
            ));
        }
        self.ends.watch(slot, cgroup.path());
        Ok(())
    }

    /// Takes back what was made for an instance that did not come to be. What was recorded as launched is recorded
    /// as ended.
    fn undo(&mut self, slot: u32, recorded: bool) {
        if recorded {
            return self.end(slot);
        }
        self.note(Input::NotLaunched { slot, at: boot_ns() });
        self.clean_up(slot);
        self.registry.forget(slot);
        self.save_agents_or_say();
    }
}

/// What stands behind a process's standard input, output and error. What cannot be looked at is not given.
fn held_open(pid: u32) -> Vec<InodeKey> {
    let handle = |number: u32| {
        let path = format!("/proc/{pid}/fd/{number}");
        OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_CLOEXEC).open(path)
    };
    let object = |number| Some(object_of(handle(number).ok()?).ok()?.0);
    (0..3).filter_map(object).collect()
}
