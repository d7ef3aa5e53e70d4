//! Agents that nobody starts with `guard run`: cgroups that a rule of the policy takes, with a container, a unit or
//! somebody's processes in them.

mod anew;
mod before;
mod bundle;
mod container;
mod faulty;
mod launcher;
mod moved;
mod podman;
mod ready;
mod service;
mod unheard;
mod unit;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

pub(crate) use self::faulty::under_faults;
use crate::act::serve::Outcome;
use crate::harness::actor::Actor;
use crate::harness::effect::happened;
use crate::harness::fixture::{MARKS, folder};
use crate::harness::ledger::{self, Entry, Refused};
use crate::harness::runner::Shared;
use crate::harness::server::{A4, D4};
use crate::harness::shell::until;
use crate::harness::{By, Effect, Spot, Test, Who, World, act, guard};

/// The suite's policy with enrolments: one profile, which may use the containers' files, W and A.
const POLICY: &str = include_str!("../../../fixtures/enrol.toml");

/// The unified hierarchy.
const CGROUPS: &str = "/sys/fs/cgroup";

/// How long a fact may take from the kernel to `guard agents`.
const KNOWN_LIMIT: Duration = Duration::from_secs(20);

/// How long a container or a unit may take to come or go, under software emulation.
const LIMIT: Duration = Duration::from_secs(60);

/// Every case of this folder.
pub(super) fn all() -> Vec<Test> {
    let files = [
        ("moved", moved::all()),
        ("launcher", launcher::all()),
        ("anew", anew::all()),
        ("container", container::all()),
        // From here on the service manager is the guest's first process.
        ("unheard", unheard::all()),
    ];
    let ready = [("podman", podman::all()), ("unit", unit::all())];
    let filed = |file: &str, tests: Vec<Test>| -> Vec<Test> {
        tests.into_iter().map(|test| test.under(&format!("kernel::enrol::{file}"))).collect()
    };
    let enrolling = files.into_iter().flat_map(|(file, tests)| filed(file, tests));
    let by_ready = ready.into_iter().flat_map(|(file, tests)| filed(file, tests));
    let enrolling = enrolling.map(|test| test.with(&ENROLLING));
    enrolling
        .chain(by_ready.map(|test| test.with(&ready::READY)))
        .chain(filed("before", before::all()))
        .collect()
}

/// With enrolments in force.
static ENROLLING: Shared = Shared { text: POLICY, prepare };

/// Makes what the policy names.
fn prepare() -> Result<()> {
    folder(bundle::TOP)?;
    launcher::programs()
}

/// A cgroup that is made for a case, and removed with it.
struct Place(String);

impl Place {
    fn make(path: &str) -> Result<Self> {
        let place = Self(format!("{CGROUPS}{path}"));
        fs::create_dir_all(&place.0).with_context(|| format!("cannot make {}", place.0))?;
        Ok(place)
    }

    fn path(&self) -> &str {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Who is still inside keeps it from going: the next case makes its own.
        let _ = fs::write(format!("{}/cgroup.kill", self.0), "1");
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What to try, what shows it, and whether an enrolled process may.
struct Trial {
    line: String,
    effect: Effect,
    allowed: bool,
}

/// The same for a process of the host's own file system: `P`, X and D are refused, W and A are not.
fn on_host() -> Vec<Trial> {
    let kept = Spot::Tmpfs.at("pd");
    let open = Spot::Tmpfs.at("w");
    trials(&kept, &open, &Spot::Tmpfs.at("xd"), MARKS)
}

/// By the names that these folders have for who tries.
fn trials(kept: &str, open: &str, forbidden: &str, marks: &str) -> Vec<Trial> {
    let trial = |line: String, effect, allowed| Trial { line, effect, allowed };
    let changed = |below: &str| Effect::Changed(Spot::Tmpfs.at(below));
    vec![
        trial(format!("write {kept}/p"), changed("pd"), false),
        trial(format!("create {kept}/new"), changed("pd"), false),
        trial(
            format!("exec {forbidden}/busybox touch {marks}/by-x"),
            Effect::Changed(MARKS.to_owned()),
            false,
        ),
        trial(format!("tcp {D4}"), Effect::ReachedOther, false),
        trial(format!("write {open}/f"), changed("w"), true),
        trial(format!("tcp {A4}"), Effect::ReachedAllowed, true),
    ]
}

/// Tries everything; what is not allowed must be refused and have no effect, what is must have its effect.
fn governed(world: &mut World, actor: &mut Actor, trials: &[Trial]) -> Result<()> {
    for trial in trials {
        let (did, outcome) = attempt(world, actor, trial)?;
        ensure!(
            did == trial.allowed,
            "`{}` {} its effect: {outcome:?}",
            trial.line,
            if did { "reached" } else { "did not reach" }
        );
        let code = if trial.allowed { 0 } else { nix::libc::EACCES };
        ensure!(outcome.code == code, "`{}` ended with {outcome:?} instead of {code}", trial.line);
    }
    Ok(())
}

/// Tries everything as nobody's agent: all of it works.
fn free(world: &mut World, actor: &mut Actor, trials: &[Trial]) -> Result<()> {
    for trial in trials {
        let (did, outcome) = attempt(world, actor, trial)?;
        ensure!(did, "control: `{}` has no effect where nobody is enrolled: {outcome:?}", trial.line);
    }
    crate::harness::fixture::reset(Spot::Tmpfs)
}

fn attempt(world: &mut World, actor: &mut Actor, trial: &Trial) -> Result<(bool, Outcome)> {
    crate::harness::fixture::reset(Spot::Tmpfs)?;
    let before = world.look(&trial.effect)?;
    let outcome = actor.perform(&act(&trial.line).words)?;
    let after = world.look(&trial.effect)?;
    Ok((happened(&trial.effect, &before, &after, &outcome), outcome))
}

/// Nobody's process, which runs its own program by now: what led there is no launcher's business.
fn outsider() -> Result<Actor> {
    let mut actor = guard::outsider(Who::User, By::Program)?;
    actor.perform(&["nothing".to_owned()])?;
    Ok(actor)
}

/// An agent's refusals, but for what its programs wanted to say on a standard error that it brought along.
fn refusals(entries: &[Entry], agent: &str) -> Vec<Refused> {
    let own = |refused: &Refused| refused.agent == agent && refused.operation != "access";
    ledger::refusals(entries).into_iter().filter(own).collect()
}

/// The agent in a cgroup, as `guard agents` has it.
fn agent_in(cgroup: &str) -> Result<Value> {
    let mut found = Value::Null;
    until("guard agents names it", KNOWN_LIMIT, || {
        let agents = guard::json(&["agents"])?;
        let mut all = agents.as_array().context("agents --json is no array")?.iter();
        found = all
            .find(|agent| agent["alive"] == true && agent["cgroup"] == cgroup)
            .cloned()
            .unwrap_or_default();
        Ok(!found.is_null())
    })?;
    Ok(found)
}

/// Waits until an agent is not alive any more.
fn gone(cgroup: &str) -> Result<()> {
    until("its end is known", KNOWN_LIMIT, || {
        let agents = guard::json(&["agents"])?;
        let mut all = agents.as_array().context("agents --json is no array")?.iter();
        Ok(!all.any(|agent| agent["alive"] == true && agent["cgroup"] == cgroup))
    })
}

/// Whether a process is no more.
fn ended(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}
