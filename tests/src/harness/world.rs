//! The fixture in use: servers, the daemon, and an actor of each kind, made when first asked for.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use guard_common::{Reason, Surface};

use super::actor::Actor;
use super::bystander;
use super::case::{Act, By, Profile, Who, act};
use super::effect::{Effect, Sight, tree};
use super::enforcer::Enforcer;
use super::fixture::{self, Spot};
use super::guard::{self, Daemon};
use super::ledger::{self, Refused};
use super::runner::Shared;
use super::server::{Server, build_network};
use super::shell::until;
use crate::act::serve::{How, Outcome};
use crate::peer;

/// How long a refusal may take from the kernel into the ledger.
const RECORD_LIMIT: Duration = Duration::from_secs(20);

/// Where a policy stands that cases share.
const SHARED: &str = "/etc/guard/shared.toml";

/// Where an act is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// In an agent.
    Inside,
    /// Outside any.
    Outside,
}

/// Which actor.
type Kind = (Side, Profile, Who, By);

/// See the module.
#[derive(Debug)]
pub struct World {
    /// D.
    pub other: Server,
    /// A.
    pub allowed: Server,
    /// Unix sockets below PD, and with no path.
    pub other_names: Server,
    /// Unix sockets below W.
    pub allowed_names: Server,
    enforcer: Enforcer,
    daemon: Option<Daemon>,
    actors: HashMap<Kind, Actor>,
    /// What is in force instead of the suite's policy.
    policy: Option<&'static Shared>,
    /// Entries of the ledger that have been looked at.
    seen: u64,
}

impl World {
    /// Builds the fixture, and starts what enforces.
    pub fn build(enforcer: Enforcer) -> Result<Self> {
        let act = std::env::current_exe()?.with_file_name("guard-act");
        // Pids tell the records of the acts apart: none may come up twice.
        std::fs::write("/proc/sys/kernel/pid_max", "4194304")?;
        fixture::user()?;
        fixture::build(&act).context("the fixture's folders")?;
        build_network().context("the fixture's network")?;
        std::fs::create_dir_all("/etc/guard")?;
        std::fs::write(guard::POLICY, guard::POLICY_TEXT)?;
        let mut world = Self {
            other: Server::other()?,
            allowed: Server::allowed()?,
            other_names: Server::other_names()?,
            allowed_names: Server::allowed_names()?,
            enforcer,
            daemon: None,
            actors: HashMap::new(),
            policy: None,
            seen: 0,
        };
        peer::prepare(enforcer)?;
        if enforcer == Enforcer::Guard {
            world.daemon()?;
        }
        Ok(world)
    }

    /// Who enforces.
    pub fn enforcer(&self) -> Enforcer {
        self.enforcer
    }

    /// Whether anybody does: else what should be inside an agent is outside.
    pub fn enforces(&self) -> bool {
        self.enforcer != Enforcer::None
    }

    /// The daemon, started where none runs.
    pub fn daemon(&mut self) -> Result<&Daemon> {
        if self.daemon.is_none() {
            self.daemon = Some(Daemon::start()?);
        }
        self.daemon.as_ref().context("just started")
    }

    /// Ends every agent, and the daemon in order, where one runs.
    pub fn end_daemon(&mut self) -> Result<()> {
        self.drop_agents();
        self.daemon.take().map_or(Ok(()), |daemon| daemon.stop().map(drop))
    }

    /// Takes the daemon away from the harness: to kill it, or to stop it.
    pub fn take_daemon(&mut self) -> Result<Daemon> {
        self.daemon()?;
        self.daemon.take().context("just started")
    }

    /// Puts a policy in force, or the suite's own; nothing is done where it is already.
    pub fn put_policy(&mut self, policy: Option<&'static Shared>) -> Result<()> {
        if self.policy.map(|own| own.text) == policy.map(|own| own.text) {
            return Ok(());
        }
        self.daemon()?;
        // The other policy need not know their profile.
        self.drop_agents();
        let path = match policy {
            Some(Shared { text, prepare }) => {
                prepare()?;
                std::fs::write(SHARED, text)?;
                SHARED
            }
            None => guard::POLICY,
        };
        guard::ok(&["policy", "apply", path])?;
        self.policy = policy;
        Ok(())
    }

    /// Gives the harness a daemon that was started in another manner.
    pub fn put_daemon(&mut self, daemon: Daemon) {
        self.daemon = Some(daemon);
    }

    /// Forgets every actor inside an agent: they are dead, or about to be.
    pub fn drop_agents(&mut self) {
        self.actors.retain(|(side, ..), _| *side == Side::Outside);
    }

    /// Takes back what a case left standing that went wrong half-way: it is to fail alone.
    pub fn lift_orders(&mut self) {
        if self.enforcer != Enforcer::Guard {
            return;
        }
        self.drop_agents();
        // Where there is nothing to take back, or nobody to tell, the next case shows it.
        for surface in Surface::ALL {
            let _ = guard::guard(&["surface", surface.name(), "on"]);
        }
        let _ = guard::guard(&["recover", "--note", "a case went wrong"]);
    }

    /// The actor of a kind.
    pub fn actor(&mut self, side: Side, who: Who, by: By) -> Result<&mut Actor> {
        self.actor_of(self.kind(Profile::Suite, side, who, by))
    }

    /// Only agents of guard's have a profile.
    fn kind(&self, profile: Profile, side: Side, who: Who, by: By) -> Kind {
        let side = if self.enforces() { side } else { Side::Outside };
        match (side, self.enforcer) {
            (Side::Inside, Enforcer::Guard) => (side, profile, who, by),
            _ => (side, Profile::Suite, who, by),
        }
    }

    fn actor_of(&mut self, kind: Kind) -> Result<&mut Actor> {
        if !self.actors.contains_key(&kind) {
            let (side, profile, who, by) = kind;
            let actor = match side {
                Side::Inside => self.confined(profile, who, by)?,
                Side::Outside => guard::outsider(who, by)?,
            };
            self.actors.insert(kind, actor);
        }
        self.actors.get_mut(&kind).context("just started")
    }

    fn confined(&mut self, profile: Profile, who: Who, by: By) -> Result<Actor> {
        match (self.enforcer, by) {
            (Enforcer::Guard, By::Program | By::Python) => {
                self.daemon()?;
                let name = format!("{}-{}{}", profile.name(), who.name(), python(by));
                guard::agent_of(profile, who, &name, by)
            }
            // `guard run` hands on nothing but the three standard ones: whoever holds more was moved in.
            (Enforcer::Guard, By::Holder) => {
                let cgroup = self.cgroup_of_agent(who)?;
                let mut holder = guard::outsider(who, by)?;
                // It holds them all once it has answered.
                holder.perform(&["os.getpid".to_owned()])?;
                guard::enter(&cgroup, holder.pid())?;
                Ok(holder)
            }
            (Enforcer::None, _) => guard::outsider(who, by),
            (Enforcer::Landlock | Enforcer::AppArmor, _) => peer::confined(self.enforcer, who, by),
        }
    }

    /// The folder of the agent in the cgroup file system.
    pub fn cgroup_of_agent(&mut self, who: Who) -> Result<String> {
        let told = self.perform(Side::Inside, who, &act("self"))?.out;
        let path = told.trim().strip_prefix("0::").with_context(|| format!("no cgroup in {told:?}"))?;
        Ok(format!("/sys/fs/cgroup{path}"))
    }

    /// Tries an act. An actor that gives no answer is not asked again.
    pub fn perform(&mut self, side: Side, who: Who, act: &Act) -> Result<Outcome> {
        self.perform_as(Profile::Suite, side, who, act)
    }

    /// The same; inside, in an agent of this profile.
    pub fn perform_as(&mut self, profile: Profile, side: Side, who: Who, act: &Act) -> Result<Outcome> {
        let kind = self.kind(profile, side, who, act.by);
        let told = self.actor_of(kind)?.perform(&act.words);
        if told.is_err() {
            self.actors.remove(&kind);
        }
        told
    }

    /// Tries an act inside an agent of the user's.
    pub fn inside(&mut self, line: &str) -> Result<Outcome> {
        self.perform(Side::Inside, Who::User, &act(line))
    }

    /// Tries an act in the user's agent that is there, and starts neither it nor a daemon.
    pub fn inside_only(&mut self, line: &str) -> Result<Outcome> {
        let key = (Side::Inside, Profile::Suite, Who::User, By::Program);
        self.actors.get_mut(&key).context("no agent is there")?.perform(&act(line).words)
    }

    /// Tries an act of the user's in the serving process itself, which is there: needs no new task.
    pub fn here_only(&mut self, side: Side, line: &str) -> Result<Outcome> {
        let act = act(line);
        let key = (side, Profile::Suite, Who::User, act.by);
        self.actors.get_mut(&key).context("nobody is there")?.order(&act.words, How::Here)
    }

    /// An act that must work in the agent that is there, daemon or not.
    pub fn must_still_allow(&mut self, line: &str) -> Result<()> {
        let outcome = self.inside_only(line)?;
        ensure!(outcome.code == 0 && outcome.signal == 0, "`{line}` should work and ended with {outcome:?}");
        Ok(())
    }

    /// An act that must work inside an agent of the user's.
    pub fn must_allow(&mut self, line: &str) -> Result<Outcome> {
        let outcome = self.inside(line)?;
        if outcome.code == 0 && outcome.signal == 0 {
            return Ok(outcome);
        }
        let refusals = ledger::refusals(&self.records()?);
        let own: Vec<&Refused> = refusals.iter().filter(|refused| refused.tid == outcome.tid).collect();
        bail!("`{line}` should work and ended with {outcome:?}; the ledger says {own:?}")
    }

    /// An act that must be refused inside an agent of the user's.
    pub fn must_refuse(&mut self, line: &str) -> Result<Outcome> {
        let outcome = self.inside(line)?;
        ensure!(outcome.code == nix::libc::EACCES, "`{line}` should be refused and ended with {outcome:?}");
        Ok(outcome)
    }

    /// The one refusal of a doer since the last look, with the reason that it should have.
    pub fn refusal_of(&mut self, outcome: &Outcome, reason: Reason) -> Result<Refused> {
        let refusals = ledger::refusals(&self.records()?);
        let mut own: Vec<Refused> =
            refusals.into_iter().filter(|refused| refused.tid == outcome.tid).collect();
        let one = own.pop().with_context(|| format!("no record of {outcome:?}"))?;
        ensure!(own.is_empty(), "more than one record of {outcome:?}: {one:?} and {own:?}");
        ensure!(one.reason == reason.name(), "the reason should be {} in {one:?}", reason.name());
        Ok(one)
    }

    /// Looks at what an effect would change.
    pub fn look(&mut self, effect: &Effect) -> Result<Sight> {
        match effect {
            Effect::Changed(top) => tree(Path::new(top)),
            Effect::Says(path) => Ok(Sight::Text(std::fs::read_to_string(path)?)),
            Effect::ReachedOther => Ok(Sight::Counts(self.other.counts()?)),
            Effect::ReachedAllowed => Ok(Sight::Counts(self.allowed.counts()?)),
            Effect::ReachedOtherName => Ok(Sight::Counts(self.other_names.counts()?)),
            Effect::ReachedAllowedName => Ok(Sight::Counts(self.allowed_names.counts()?)),
            Effect::Bystander => Ok(Sight::Text(bystander::seen()?)),
            Effect::Counted(name) => Ok(Sight::Text(self.other.counter(name)?)),
            Effect::Told(_) | Effect::Done => Ok(Sight::Nothing),
        }
    }

    /// Every entry since the last look, once all that happened before is written: a refusal made now is the
    /// last in its ring, and when it stands in the ledger, what came before does too.
    pub fn records(&mut self) -> Result<Vec<ledger::Entry>> {
        let last = self.inside(&format!("write {}", Spot::Tmpfs.p()))?;
        let mut entries = Vec::new();
        until("the last refusal stands in the ledger", RECORD_LIMIT, || {
            entries = ledger::entries(self.seen)?;
            Ok(ledger::refusals(&entries).iter().any(|refused| refused.tid == last.tid))
        })?;
        self.seen = entries.last().map_or(self.seen, |entry| entry.index + 1);
        Ok(entries)
    }
}

fn python(by: By) -> &'static str {
    match by {
        By::Program => "",
        By::Python => "-python",
        By::Holder => "-holder",
    }
}
