//! Answers to the admin socket. Who may ask at all was ruled on before; here is only whose instances are whose.

use std::collections::HashMap;

use guard_common::Surface;
use guard_common::map::switch::{KILL_ALL, KillMode};

use super::agents::registry::Agent;
use super::daemon::{Daemon, Proposed};
use super::launching::Wish;
use super::policies::{Candidate, Ready};
use super::refusals::Question;
use crate::control::peer::Peer;
use crate::control::server::{Answer, Asked, failed, forbidden};
use crate::control::wire::{self, Request, Response};
use crate::kernel::AgentCgroup;
use crate::model::input::Input;
use crate::model::record::{Operator, Recover};

/// Most refusals in one answer.
const WHY_MAX: u32 = 1000;

/// Longest note of a recovery, in bytes.
const NOTE_BYTES_MAX: usize = 4096;

impl Daemon {
    /// Answers one request.
    pub(super) fn answer(&mut self, asked: Asked) {
        let Asked { request, peer, own_only, answer } = asked;
        // Ruled on by its cgroup before; a label outlives a change of cgroup.
        if !matches!(self.labels.of(peer.pid), Ok(None)) {
            return drop(answer.send(Answer::once(forbidden("an agent may not talk to the admin socket"))));
        }
        let own = own_only.then_some(peer.uid);
        let response = match request {
            Request::Settle => return self.settle(answer),
            Request::Watch { slot } => {
                let answered = self.watch(slot, own);
                return drop(answer.send(answered));
            }
            Request::Status => Ok(Response::Status(Box::new(self.status(own.is_some())))),
            Request::Agents => Ok(self.agents(own)),
            Request::Launch { agent, profile, command } => {
                self.launch(&peer, Wish { agent, profile, command })
            }
            Request::Surface { surface, on } => self.switch(&surface, on, peer.as_operator()),
            Request::Recover { agent, note } => self.recover(agent, note, &peer),
            Request::KillGiven => self.kill_given(),
            Request::Policy => Ok(self.policy_text()),
            Request::Apply { text, source } => self.apply(&text, &source, &peer),
            Request::Why { agent, pid, most } => {
                let most = usize::try_from(most.min(WHY_MAX)).unwrap_or_default();
                let question = Question { agent, pid, owner: own, most };
                Ok(Response::Refusals { refusals: self.refusals.last(&question) })
            }
        };
        // Who hung up meanwhile gets no answer.
        let _ = answer.send(Answer::once(response.unwrap_or_else(failed)));
    }

    fn watch(&mut self, slot: u32, own: Option<u32>) -> Answer {
        match self.registry.get(slot) {
            None => Answer::once(failed(format!("there is no instance in slot {slot}"))),
            Some(agent) if own.is_some_and(|uid| uid != agent.launch.by.uid) => {
                Answer::once(forbidden("another user launched this instance"))
            }
            Some(_) => Answer::Stream(self.refusals.watch(slot)),
        }
    }

    fn agents(&self, own: Option<u32>) -> Response {
        let mine = |agent: &&Agent| own.is_none_or(|uid| uid == agent.launch.by.uid);
        let mut agents: Vec<&Agent> = self.registry.all().filter(mine).collect();
        agents.sort_by_key(|agent| (!agent.alive, std::cmp::Reverse(agent.at)));
        let cgroups = self.cgroups_by_id();
        Response::Agents { agents: agents.into_iter().map(|agent| self.describe(agent, &cgroups)).collect() }
    }

    fn describe(&self, agent: &Agent, cgroups: &HashMap<u64, AgentCgroup>) -> wire::Agent {
        let cgroup = cgroups.get(&agent.launch.cgroup).filter(|_| agent.alive);
        let pids = cgroup.and_then(|cgroup| cgroup.pids().ok()).unwrap_or_default();
        let own = self.maps.switches.kill_mode(agent.slot()).unwrap_or(KillMode::Run);
        let all = self.maps.switches.kill_mode(KILL_ALL).unwrap_or(KillMode::Run);
        wire::Agent {
            instance: agent.launch.instance.clone(),
            alive: agent.alive,
            pids,
            workdir: agent.launch.workdir.clone(),
            cgroup: agent.enrolled.clone(),
            kill: own.max(all).name().to_owned(),
            denied: agent.denied,
        }
    }

    fn switch(&mut self, surface: &str, on: bool, by: Operator) -> Result<Response, String> {
        let known = || Surface::ALL.iter().map(|surface| surface.name()).collect::<Vec<_>>().join(", ");
        let surface = Surface::from_name(surface).ok_or_else(|| {
            format!("there is no surface `{}`; there are: {}", surface.escape_debug(), known())
        })?;
        self.take(Input::Surface { surface, on, by })?;
        self.read_switches();
        Ok(Response::Done)
    }

    fn kill_given(&mut self) -> Result<Response, String> {
        self.take_orders();
        match &self.journal_error {
            None => Ok(Response::Done),
            Some(error) => Err(error.clone()),
        }
    }

    fn recover(&mut self, agent: Option<String>, note: String, peer: &Peer) -> Result<Response, String> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(format!("a note may have {NOTE_BYTES_MAX} bytes at most"));
        }
        // What is not recorded cannot be lifted.
        self.kill_given()?;
        self.read_every_switch().map_err(|error| error.to_string())?;
        self.take(Input::Recover(Recover { agent, by: peer.as_operator(), note }))?;
        Ok(Response::Done)
    }

    fn policy_text(&self) -> Response {
        let text = self.policy.compiled.sources().bundle();
        Response::Policy { text, policy: self.policy.record.clone() }
    }

    fn apply(&mut self, text: &str, source: &str, peer: &Peer) -> Result<Response, String> {
        let ready = Candidate::applied(text, source, &self.policy)?.ready(&self.paths.guarded())?;
        if let Some(amiss) = ready.amiss.first() {
            return Err(amiss.clone());
        }
        self.put_in_force(ready, Some(peer.as_operator()))?;
        match &self.enrol_error {
            None => Ok(Response::Applied { policy: self.policy.record.clone() }),
            Some(error) => Err(error.clone()),
        }
    }

    /// Writes a policy into the kernel, records it, and puts it in force: whole, or not at all.
    pub(super) fn put_in_force(&mut self, ready: Ready, by: Option<Operator>) -> Result<(), String> {
        let rows = self
            .maps
            .prepare_policy(&ready.rows, &self.registry.marks())
            .map_err(|error| error.to_string())?;
        if !ready.rows.digests.is_empty() {
            // Threads that live get the room for digests that those born from now on are born with.
            self.label_threads()?;
        }
        let record = ready.record(rows.generation(), by);
        let saved = ready.saved(record.clone());
        let policy = ready.in_force(record.clone());
        self.proposed = Some(Proposed { rows, policy, saved });
        let done = self.take(Input::PolicyAsked(record));
        // What was refused is dropped here, and the next push writes over its rows.
        self.proposed = None;
        done
    }

    /// Puts the prepared policy in force, now that it stands in the ledger.
    pub(super) fn flip(&mut self, generation: u64) -> Result<(), String> {
        let proposed = self.proposed.take().filter(|proposed| proposed.rows.generation() == generation);
        let Proposed { rows, policy, saved } = proposed.ok_or("no policy is prepared")?;
        let path = self.paths.policy();
        // Saved first: a daemon that dies in between begins with what the ledger says is in force.
        super::saved::write(&path, &saved)
            .map_err(|error| format!("the policy is not in force: {}: {error}", path.display()))?;
        let generation = self.maps.flip(rows);
        self.records.set_generation(generation);
        self.note(Input::PolicyInForce(policy.view()));
        self.policy = policy;
        // The rules are in force for whoever comes: now those who are there.
        self.enrol_existing();
        Ok(())
    }
}
