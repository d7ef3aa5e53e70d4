//! Two policies that each refuse the same acts and allow the same others, for opposite reasons: the zones of one with the
//! edges of the other would turn that round. They take each other's place, and nobody sees such a mixture.
//!
//! `GUARD_PUSHES` says how often, for a long run; a few times where it is not set.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::apply::{under, with};
use crate::act::serve::{How, Outcome};
use crate::harness::fixture::{MARKS, OPEN, folder, put};
use crate::harness::guard::Control;
use crate::harness::server::{D4, D6};
use crate::harness::shell::until;
use crate::harness::world::Side;
use crate::harness::{By, Test, Who, World, act, check};

/// Where the files are that the policies are about.
const TURNED: &str = "/guardtest/turned";
/// A file and an address that neither policy lets agents reach, and ones that each does.
const NEVER: [&str; 2] = ["never", "10.99.0.2"];
const ALWAYS: [&str; 2] = ["always", "fd99::2"];

/// How long the attack may take to begin.
const BEGIN_LIMIT: Duration = Duration::from_secs(60);

pub(super) fn all() -> Vec<Test> {
    vec![check("no_act_is_judged_by_the_zones_of_one_policy_and_the_edges_of_another", unmixed)]
}

fn unmixed(world: &mut World) -> Result<()> {
    folder(TURNED)?;
    for [file, _] in [NEVER, ALWAYS] {
        put(format!("{TURNED}/{file}").as_ref(), OPEN)?;
    }
    world.must_allow("nothing")?;
    let line = format!("turned {TURNED} {MARKS} {D4} {D6}");
    let mut outcome = Outcome::default();
    under(&policy(NEVER, ALWAYS, &["one", "other"]), || {
        world.actor(Side::Inside, Who::User, By::Program)?.send(&act(&line).words, How::Apart)?;
        let pushed = push_in_turn();
        fs::write(format!("{MARKS}/enough"), "")?;
        outcome = world.actor(Side::Inside, Who::User, By::Program)?.answer()?;
        pushed
    })?;
    seen_whole(&outcome)
}

/// Begins when the attack has shown that it works where both zones are open.
fn push_in_turn() -> Result<()> {
    let begun = format!("{MARKS}/begun");
    until("the attack begins", BEGIN_LIMIT, || Ok(fs::exists(&begun)?))?;
    let mut control = Control::connect()?;
    let policies = [policy(NEVER, ALWAYS, &["other"]), policy(ALWAYS, NEVER, &["one"])];
    control.apply(&policies[0])?;
    fs::write(format!("{MARKS}/go"), "")?;
    for text in policies.iter().cycle().skip(1).take(pushes()?) {
        control.apply(text)?;
    }
    Ok(())
}

/// The suite's policy with two zones, which have the same numbers whatever is in them.
fn policy(one: [&str; 2], other: [&str; 2], open: &[&str]) -> String {
    let zone = |name: &str, [file, address]: [&str; 2]| {
        format!("[zones.{name}]\npaths = [\"{TURNED}/{file}\"]\naddresses = [\"{address}\"]\n")
    };
    let edge = |zone: &&str| {
        format!("[[edges]]\nprofile = \"suite\"\nzone = \"{zone}\"\nallow = [\"write\", \"connect\"]\n")
    };
    with(&[zone("one", one), zone("other", other), open.iter().map(edge).collect()].concat())
}

fn pushes() -> Result<usize> {
    match std::env::var("GUARD_PUSHES") {
        Ok(text) => text.parse().with_context(|| format!("GUARD_PUSHES is {text:?}, and should be a number")),
        Err(_) => Ok(10),
    }
}

fn seen_whole(outcome: &Outcome) -> Result<()> {
    let number = |name: &str| -> Result<u64> {
        let line = outcome.out.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|number| number.trim().parse().ok())
            .with_context(|| format!("no {name} in {outcome:?}"))
    };
    println!("# while policies took each other's place: {}", outcome.out.trim().replace('\n', ", "));
    ensure!(number("in vain before")? == 0, "control: with both zones open an act failed: {outcome:?}");
    ensure!(number("attacks")? > 20 && number("duties")? > 500, "there was no attack: {outcome:?}");
    ensure!(number("done")? == 0, "what neither policy allows was done: {outcome:?}");
    ensure!(number("missed")? == 0, "what each policy allows was refused: {outcome:?}");
    Ok(())
}
