//! Runs the cases, prints a line for each, and counts. Attacks that follow each other share one look into the
//! ledger.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use guard_common::{Operation, Surface};

use super::case::{Asks, Case};
use super::enforcer::Enforcer;
use super::fixture::{self, Spot};
use super::kernel::lacks;
use super::ledger::{self, Refused};
use super::score::{Mark, Score};
use super::trial::{self, Tried};
use super::world::World;

/// One case.
#[derive(Debug)]
pub struct Test {
    /// Folder, file, id where there is one, and sentence.
    pub name: String,
    body: Body,
    policy: Option<&'static Shared>,
}

/// A policy that cases share, instead of the suite's.
#[derive(Debug)]
pub struct Shared {
    /// Its text.
    pub text: &'static str,
    /// Makes what it speaks of, before it is put in force.
    pub prepare: fn() -> Result<()>,
}

#[derive(Debug)]
enum Body {
    Attack(Box<Case>),
    Check(fn(&mut World) -> Result<()>),
}

/// A case that is no single attack.
pub fn check(name: &str, body: fn(&mut World) -> Result<()>) -> Test {
    Test { name: name.to_owned(), body: Body::Check(body), policy: None }
}

impl Test {
    /// A case that is one attack, of this trick.
    pub fn attack(trick: &str, case: Case) -> Self {
        let name = format!("bypass::{trick}::{}::{}", case.id, case.sentence);
        Self { name, body: Body::Attack(Box::new(case)), policy: None }
    }

    /// Whether it is one attack.
    pub fn is_attack(&self) -> bool {
        match self.body {
            Body::Attack(_) => true,
            Body::Check(_) => false,
        }
    }

    /// The same case, filed under a folder.
    #[must_use]
    pub fn under(mut self, folder: &str) -> Self {
        self.name = format!("{folder}::{}", self.name);
        self
    }

    /// The same case, under another policy: those that follow each other share one push.
    #[must_use]
    pub fn with(mut self, policy: &'static Shared) -> Self {
        self.policy = Some(policy);
        self
    }
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Cases that hold.
    pub passed: u32,
    /// Cases that do not.
    pub failed: u32,
    /// Cases that could not be tried.
    pub skipped: u32,
    /// Attacks that this kernel does not offer.
    pub lacking: u32,
    /// The attacks, by class.
    pub score: Score,
    /// A line for each case that went wrong.
    pub wrong: Vec<String>,
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
struct Open {
    name: String,
    case: Case,
    tried: Tried,
    took: Duration,
}

/// Runs every test in its order.
pub fn run(world: &mut World, tests: Vec<Test>) -> Tally {
    let mut tally = Tally::default();
    let mut open = Vec::new();
    for Test { name, body, policy } in tests {
        let started = Instant::now();
        if let Err(error) = world.put_policy(policy) {
            tell(&mut tally, &name, started.elapsed(), Err(error));
            continue;
        }
        match body {
            Body::Attack(case) => {
                let Some(tried) = attempt(world, &name, &case, &mut tally) else { continue };
                let attack = Open { name, case: *case, tried, took: started.elapsed() };
                match world.enforcer() {
                    Enforcer::Guard => open.push(attack),
                    other @ (Enforcer::None | Enforcer::Landlock | Enforcer::AppArmor) => {
                        tell_unrecorded(other, attack, &mut tally);
                    }
                }
            }
            Body::Check(body) => {
                settle(world, &mut open, &mut tally);
                let result = Spot::ALL.into_iter().try_for_each(fixture::reset).and_then(|()| body(world));
                if result.is_err() {
                    world.lift_orders();
                }
                tell(&mut tally, &name, started.elapsed(), result);
            }
        }
    }
    settle(world, &mut open, &mut tally);
    tally
}

/// Tries an attack; says so at once where it proves nothing, or where this kernel has no such attack.
fn attempt(world: &mut World, name: &str, case: &Case, tally: &mut Tally) -> Option<Tried> {
    let started = Instant::now();
    let result = match lacks(case.lacking) {
        Ok(Some(why)) => trial::lacking(world, case, &why).map(|()| {
            tally.lacking += 1;
            tally.score.add_lacking(case.id);
            say(&format!("lacks {name}: {why}"));
            None
        }),
        Ok(None) => trial::attempt(world, case).map(Some),
        Err(error) => Err(error),
    };
    result.unwrap_or_else(|error| {
        tally.score.add_broken(case.id);
        tell(tally, name, started.elapsed(), Err(error));
        None
    })
}

/// Judges the attacks tried so far by what the ledger holds.
fn settle(world: &mut World, open: &mut Vec<Open>, tally: &mut Tally) {
    if open.is_empty() {
        return;
    }
    let refusals = world.records().map(|entries| ledger::refusals(&entries));
    for Open { name, case, tried, took } in open.drain(..) {
        let record = match &refusals {
            Ok(refusals) => trial::doer(&tried.outcome).and_then(|doer| recorded(refusals, doer, &case)),
            Err(error) => Err(anyhow::anyhow!("the ledger says nothing: {error:#}")),
        };
        let mark = Mark { recorded: record.is_ok(), ..mark(&tried) };
        tally.score.add(case.id, mark);
        tell(tally, &name, took, refused(&case, &tried).and(record));
    }
}

fn mark(tried: &Tried) -> Mark {
    Mark { refused: !tried.reached, recorded: false, over_blocked: tried.over_blocked.is_some() }
}

/// Not reached, with the right errno, and the allowed variant worked.
fn refused(case: &Case, tried: &Tried) -> Result<()> {
    let Tried { reached, outcome, over_blocked } = tried;
    if let Some(variant) = over_blocked {
        bail!("over-blocked: {:?} in an agent ended with {variant:?}", case.allowed.act.words);
    }
    ensure!(!reached, "the attack reached its effect: {outcome:?}");
    ensure!(outcome.code == case.ends_with, "refused with {outcome:?} instead of {}", case.ends_with);
    Ok(())
}

/// One record, or as many as the kernel asked questions, and the right ones.
fn recorded(refusals: &[Refused], doer: u32, case: &Case) -> Result<()> {
    let of_doer: Vec<&Refused> =
        refusals.iter().filter(|refused| refused.tid == doer || refused.pid == doer).collect();
    match (case.asks, of_doer.len()) {
        (Asks::Once, 1) | (Asks::Again, 1..) => {}
        (Asks::Once | Asks::Again, number) => bail!("{number} deny records of {doer}: {of_doer:?}"),
    }
    let wanted = case.refusal;
    let is_action = |one: &&Refused| {
        let named = (Surface::from_name(&one.surface), Operation::from_name(&one.operation));
        named == (Some(wanted.surface), Some(wanted.operation))
    };
    let is_reason = |one: &&Refused| one.reason == wanted.reason.name();
    ensure!(
        of_doer.iter().all(is_reason) && of_doer.iter().any(is_action),
        "the record should say {wanted:?}: {of_doer:?}"
    );
    Ok(())
}

/// Where nobody guards, the attack must succeed, or its case would not have failed; what another enforcer makes of it
/// is told.
fn tell_unrecorded(enforcer: Enforcer, attack: Open, tally: &mut Tally) {
    let Open { name, case, tried, took } = attack;
    tally.score.add(case.id, mark(&tried));
    let Tried { reached, outcome, over_blocked } = &tried;
    if enforcer == Enforcer::None {
        let result = match (reached, over_blocked) {
            (false, _) => Err(anyhow::anyhow!("without guard it has no effect either: {outcome:?}")),
            (true, Some(variant)) => Err(anyhow::anyhow!("the allowed variant has no effect: {variant:?}")),
            (true, None) => Ok(()),
        };
        return tell(tally, &name, took, result);
    }
    tally.passed += 1;
    let word = if *reached { "reached" } else { "refused" };
    let note = over_blocked.as_ref().map_or(String::new(), |variant| {
        format!("; over-blocked: {} ended with {variant:?}", case.allowed.act.words.join(" "))
    });
    let line = format!("{word} {name}: {}{note}", outcome.code);
    say(&line);
    if *reached || over_blocked.is_some() {
        tally.wrong.push(line);
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
            let line = format!("FAIL {name}: {}", format!("{error:#}").replace('\n', " | "));
            tally.wrong.push(line.clone());
            line
        }
    };
    say(&line);
}

fn say(line: &str) {
    println!("{line}");
    // A line that cannot be shown has nobody to be shown to.
    let _ = std::io::stdout().flush();
}
