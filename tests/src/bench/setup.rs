//! The set-ups, in the order in which one boot can have them: guard comes last, for it stays.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::daemon::Meter;
use super::line::Line;
use super::peers::{Apparmor, Empty, Fapolicyd};
use super::place::{self, AGENT, DEPTH, DEPTHS, Folder, HOME};
use super::policy::{self, PROFILE, SIZES};
use super::{memory, programs, progress, rules, workload};
use crate::act::cost::{self, Figure, Operation};
use crate::act::serve::How;
use crate::harness::actor::Actor;
use crate::harness::fixture::ACT;
use crate::harness::guard::{self, Daemon};
use crate::harness::{Who, guard::as_user};

/// Where the daemon takes its policy from.
const POLICY: &str = "/etc/guard/bench.toml";
/// Until what a change has left to do is done: RCU callbacks, the daemon's last words.
const SETTLE: Duration = Duration::from_secs(1);

/// Who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setup {
    /// Nobody.
    Bare,
    /// Landlock.
    Landlock,
    /// AppArmor.
    Apparmor,
    /// fapolicyd.
    Fapolicyd,
    /// A program that does nothing, on one hook.
    Empty,
    /// guard: outside an agent, then inside.
    Guard,
}

impl Setup {
    pub(super) const ALL: [Self; 6] =
        [Self::Bare, Self::Landlock, Self::Apparmor, Self::Fapolicyd, Self::Empty, Self::Guard];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Landlock => "landlock",
            Self::Apparmor => "apparmor",
            Self::Fapolicyd => "fapolicyd",
            Self::Empty => "empty",
            Self::Guard => "guard",
        }
    }

    pub(super) fn measure(self) -> Result<()> {
        match self {
            Self::Bare => {
                // The first to do anything at all pays for what every later one finds.
                Subject::outside("first")?.rehearse()?;
                let mut subject = Subject::outside("bare")?;
                subject.every_operation()?;
                subject.every_workload()
            }
            Self::Landlock => {
                let mut subject = Subject::outside("landlock")?;
                subject.order("restrict", &rules::landlock())?;
                subject.every_operation()
            }
            Self::Apparmor => {
                let _loaded = Apparmor::load()?;
                Subject::start("apparmor", Apparmor::confined(as_user(Who::User, "aa-exec")))?
                    .every_operation()
            }
            Self::Fapolicyd => {
                let _running = Fapolicyd::start()?;
                Subject::outside("fapolicyd")?.every_operation()
            }
            Self::Empty => {
                let _attached = Empty::attach()?;
                let mut subject = Subject::outside("empty")?;
                subject.operation(Operation::named("open-read")?, Some(DEPTH))?;
                programs::told(&mut subject, "empty", &["open-read"])
            }
            Self::Guard => guarded(),
        }
    }
}

/// guard, from its start to its largest policy.
fn guarded() -> Result<()> {
    // What policies name is there before: only what guard holds for it is counted.
    for entries in SIZES {
        policy::text(entries)?;
    }
    let daemon = start()?;
    let meter = Some(Meter::of(daemon.pid())?);
    progress("guard, not enrolled")?;
    let mut outside = Subject { meter, ..Subject::outside("loaded")? };
    outside.every_operation()?;
    programs::every(&mut outside, "loaded")?;
    progress("guard, agent")?;
    let mut agent = Subject { meter, entries: Some(SIZES[0]), ..Subject::agent("agent")? };
    agent.every_operation()?;
    second_use(&mut agent, meter)?;
    programs::every(&mut agent, "agent")?;
    memory::tell(SIZES[0])?;
    for entries in &SIZES[1..] {
        progress(&format!("guard, {entries} entries"))?;
        apply(*entries)?;
        agent.entries = Some(*entries);
        for operation in cost::ALL {
            agent.operation(operation, operation.by_name.then_some(DEPTH))?;
        }
        memory::tell(*entries)?;
    }
    progress("guard, many agents")?;
    memory::tell_agents()?;
    apply(SIZES[0])?;
    progress("guard, whole workloads")?;
    outside.every_workload()?;
    agent.every_workload()?;
    drop((outside, agent));
    daemon.stop().map(drop)
}

fn start() -> Result<Daemon> {
    std::fs::create_dir_all("/etc/guard")?;
    std::fs::write(POLICY, policy::text(SIZES[0])?)?;
    let daemon = Daemon::start_with(&["--policy", POLICY])?;
    std::thread::sleep(SETTLE);
    Ok(daemon)
}

/// A larger policy.
fn apply(entries: usize) -> Result<()> {
    std::fs::write(POLICY, policy::text(entries)?)?;
    let applied = guard::ok_within(&["policy", "apply", POLICY], Duration::from_secs(600))?;
    ensure!(!applied.said().contains("unresolved"), "not all of the policy is in force: {}", applied.said());
    std::thread::sleep(SETTLE);
    Ok(())
}

/// Files that one agent has opened, opened by another: their zone is kept, their use is news. Both are there before,
/// for an agent that comes brings new marks, and those end all that is kept.
fn second_use(first: &mut Subject, meter: Option<Meter>) -> Result<()> {
    let mut second = Subject { meter, entries: first.entries, ..Subject::agent("agent-second")? };
    let operation = Operation::named("open-first")?;
    for depth in DEPTHS {
        let fresh = place::fresh(depth, operation.acts())?;
        first.cost(operation, &fresh.0)?;
        let told = second.cost(operation, &fresh.0)?;
        second.tell(operation, Some(depth), told)?;
    }
    Ok(())
}

/// A process that acts under one set-up.
pub(super) struct Subject {
    setup: &'static str,
    entries: Option<usize>,
    meter: Option<Meter>,
    actor: Actor,
}

impl Subject {
    fn start(setup: &'static str, mut command: std::process::Command) -> Result<Self> {
        command.args([ACT, "serve"]).env("HOME", HOME);
        let actor = Actor::start(setup, &mut command)?;
        let mut subject = Self { setup, entries: None, meter: None, actor };
        subject.order("nothing", &[])?;
        Ok(subject)
    }

    fn outside(setup: &'static str) -> Result<Self> {
        // `env` keeps all command lines of one shape.
        Self::start(setup, as_user(Who::User, "env"))
    }

    fn agent(setup: &'static str) -> Result<Self> {
        let mut command = as_user(Who::User, "guard");
        command.args(["run", "--agent", setup, "--profile", PROFILE, "--workdir", AGENT, "--"]);
        Self::start(setup, command)
    }

    /// Lets it try something in the serving process itself; returns what that wrote.
    pub(super) fn order(&mut self, way: &str, words: &[String]) -> Result<String> {
        let words = [&[way.to_owned()], words].concat();
        let outcome = self.actor.order(&words, How::Here)?;
        ensure!(outcome.code == 0, "under {}, `{}` ended with {}", self.setup, words.join(" "), outcome.code);
        Ok(outcome.out)
    }

    /// Lets it count the cost of something; tells that, and what the daemon spent for it.
    pub(super) fn metered(&mut self, way: &str, words: &[String]) -> Result<(Figure, u64)> {
        let quiet = |meter: Option<Meter>| meter.map_or(Ok(0), Meter::quiet);
        let before = quiet(self.meter)?;
        let told = self.order(way, words)?;
        let daemon = quiet(self.meter)? - before;
        Ok((serde_json::from_str(&told).with_context(|| format!("`{way}` said {told:?}"))?, daemon))
    }

    fn every_operation(&mut self) -> Result<()> {
        for operation in cost::ALL {
            for depth in if operation.by_name { &DEPTHS[..] } else { &DEPTHS[..1] } {
                self.operation(operation, operation.by_name.then_some(*depth))?;
            }
        }
        Ok(())
    }

    /// Every operation once, untold.
    fn rehearse(&mut self) -> Result<()> {
        for operation in cost::ALL {
            let folder = Folder::for_operation(operation, DEPTH, operation.acts())?;
            self.cost(operation, &folder.0)?;
        }
        Ok(())
    }

    fn operation(&mut self, operation: &Operation, depth: Option<u32>) -> Result<()> {
        let folder = Folder::for_operation(operation, depth.unwrap_or(DEPTHS[0]), operation.acts())?;
        let told = self.cost(operation, &folder.0)?;
        self.tell(operation, depth, told)
    }

    /// Its cost, and the daemon's for one act.
    fn cost(&mut self, operation: &Operation, folder: &Path) -> Result<(Figure, u64)> {
        let words = [operation.name.to_owned(), folder.display().to_string()];
        let (figure, daemon) = self.metered("cost", &words)?;
        Ok((figure, daemon / u64::from(operation.acts())))
    }

    fn tell(&self, operation: &Operation, depth: Option<u32>, told: (Figure, u64)) -> Result<()> {
        let Self { setup, entries, .. } = self;
        let (figure, daemon) = told;
        let operation = operation.name;
        Line::Operation { setup, operation, depth, entries: *entries, figure, daemon }.tell()
    }

    fn every_workload(&mut self) -> Result<()> {
        for workload in workload::ALL {
            let (figure, daemon) = workload::cheapest(self, workload)?;
            Line::Workload { setup: self.setup, workload, figure, daemon }.tell()?;
        }
        Ok(())
    }
}
