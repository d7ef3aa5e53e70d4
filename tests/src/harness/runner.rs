//! Runs the cases, prints a line for each, and counts. Attacks that follow each other share one look into the
//! ledger.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use guard_common::{Operation, Surface};

use super::case::{Case, Refusal};
use super::effect::{Effect, happened};
use super::fixture::{self, Spot};
use super::ledger::{self, Refused};
use super::world::{Side, World};
use crate::act::serve::Outcome;

/// One case.
#[derive(Debug)]
pub struct Test {
    /// Folder, file and sentence.
    pub name: String,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Attack(Box<Case>),
    Check(fn(&mut World) -> Result<()>),
}

/// A case that is no single attack.
pub fn check(name: &str, body: fn(&mut World) -> Result<()>) -> Test {
    Test { name: name.to_owned(), body: Body::Check(body) }
}

impl Test {
    /// A case that is one attack.
    pub fn attack(name: impl Into<String>, case: Case) -> Self {
        Self { name: name.into(), body: Body::Attack(Box::new(case)) }
    }

    /// The same case, filed under a folder.
    #[must_use]
    pub fn under(mut self, folder: &str) -> Self {
        self.name = format!("{folder}::{}", self.name);
        self
    }
}

/// What came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cases that hold.
    pub passed: u32,
    /// Cases that do not.
    pub failed: u32,
    /// Cases that could not be tried.
    pub skipped: u32,
}

/// A case that cannot be tried here, and why; anything else that goes wrong is a failure.
#[derive(Debug)]
pub struct Skip(pub String);

impl std::fmt::Display for Skip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// An attack that was tried, and now needs the ledger's word.
struct Tried {
    name: String,
    refusal: Refusal,
    doer: Result<u32>,
    took: Duration,
}

/// Runs every test in its order.
pub fn run(world: &mut World, tests: Vec<Test>) -> Tally {
    let mut tally = Tally::default();
    let mut tried = Vec::new();
    for Test { name, body } in tests {
        let started = Instant::now();
        match body {
            Body::Attack(case) if !world.is_guarded() => {
                let result = reaches_its_effect(world, &case);
                tell(&mut tally, &name, started.elapsed(), result);
            }
            Body::Check(_) if !world.is_guarded() => {}
            Body::Attack(case) => {
                let doer = attack(world, &case);
                tried.push(Tried { name, refusal: case.refusal, doer, took: started.elapsed() });
            }
            Body::Check(body) => {
                settle(world, &mut tried, &mut tally);
                let result = Spot::ALL.into_iter().try_for_each(fixture::reset).and_then(|()| body(world));
                tell(&mut tally, &name, started.elapsed(), result);
            }
        }
    }
    settle(world, &mut tried, &mut tally);
    tally
}

/// What proves the suite itself: where nobody guards, the attack succeeds, and so would its case have failed.
fn reaches_its_effect(world: &mut World, case: &Case) -> Result<()> {
    let (reached, outcome) = trial(world, Side::Inside, case, &case.attack.act, &case.attack.effect)?;
    ensure!(reached, "without guard it has no effect either: {outcome:?}");
    let (reached, outcome) = trial(world, Side::Inside, case, &case.allowed.act, &case.allowed.effect)?;
    ensure!(reached, "the allowed variant has no effect: {outcome:?}");
    Ok(())
}

/// Judges the attacks tried so far by what the ledger holds.
fn settle(world: &mut World, tried: &mut Vec<Tried>, tally: &mut Tally) {
    if tried.is_empty() {
        return;
    }
    let refusals = world.records().map(|entries| ledger::refusals(&entries));
    for Tried { name, refusal, doer, took } in tried.drain(..) {
        let result = doer.and_then(|doer| match &refusals {
            Ok(refusals) => recorded(refusals, doer, refusal),
            Err(error) => bail!("the ledger says nothing: {error:#}"),
        });
        tell(tally, &name, took, result);
    }
}

/// Exactly one record, and the right one.
fn recorded(refusals: &[Refused], doer: u32, wanted: Refusal) -> Result<()> {
    let of_doer: Vec<&Refused> = refusals.iter().filter(|refused| refused.tid == doer).collect();
    let [one] = of_doer.as_slice() else {
        bail!("{} deny records of {doer} instead of one: {of_doer:?}", of_doer.len());
    };
    let named = (Surface::from_name(&one.surface), Operation::from_name(&one.operation));
    ensure!(
        named == (Some(wanted.surface), Some(wanted.operation)) && one.reason == wanted.reason.name(),
        "the record says {one:?}, and should say {wanted:?}"
    );
    Ok(())
}

/// Tries one attack outside, its allowed variant inside, and then itself inside. Returns who acted.
fn attack(world: &mut World, case: &Case) -> Result<u32> {
    let Case { who, attack, refusal: _, allowed } = case;
    let control = trial(world, Side::Outside, case, &attack.act, &attack.effect)?;
    ensure!(control.0, "control: outside an agent it has no effect either: {:?}", control.1);
    let variant = trial(world, Side::Inside, case, &allowed.act, &allowed.effect)?;
    ensure!(
        variant.0,
        "over-blocked: {:?} as {who:?} in an agent ended with {:?}",
        allowed.act.words,
        variant.1
    );
    let (reached, outcome) = trial(world, Side::Inside, case, &attack.act, &attack.effect)?;
    ensure!(!reached, "the attack reached its effect: {outcome:?}");
    ensure!(outcome.code == nix::libc::EACCES, "refused with {outcome:?} instead of EACCES");
    doer(&outcome)
}

fn trial(
    world: &mut World,
    side: Side,
    case: &Case,
    act: &super::Act,
    effect: &Effect,
) -> Result<(bool, Outcome)> {
    for spot in Spot::ALL.into_iter().filter(|spot| act.mentions(&spot.at(""))) {
        fixture::reset(spot)?;
    }
    fixture::empty(Path::new(fixture::MARKS))?;
    let before = world.look(effect)?;
    let outcome = world.perform(side, case.who, act)?;
    let after = world.look(effect)?;
    Ok((happened(effect, &before, &after, &outcome), outcome))
}

/// The thread that acted: the one that was started, unless it says who.
pub fn doer(outcome: &Outcome) -> Result<u32> {
    match outcome.out.lines().find_map(|line| line.strip_prefix("doer ")) {
        Some(tid) => tid.parse().context("a doer's id"),
        None => Ok(outcome.tid),
    }
}

fn tell(tally: &mut Tally, name: &str, took: Duration, result: Result<()>) {
    let line = match result {
        Ok(()) => {
            tally.passed += 1;
            format!("ok {name} ({})", took.as_millis())
        }
        Err(error) if error.is::<Skip>() => {
            tally.skipped += 1;
            format!("SKIP {name}: {error:#}")
        }
        Err(error) => {
            tally.failed += 1;
            format!("FAIL {name}: {}", format!("{error:#}").replace('\n', " | "))
        }
    };
    println!("{line}");
    // A line that cannot be shown has nobody to be shown to.
    let _ = std::io::stdout().flush();
}
