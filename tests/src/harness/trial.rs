//! Trying a case: the attack outside, its allowed variant inside, then the attack inside, each with its effect
//! looked at from outside.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::case::{Case, Step};
use super::effect::happened;
use super::fixture::{self, Spot};
use super::world::{Side, World};
use crate::act::serve::Outcome;

/// What came of a case, before anybody judges it.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Whether the attack reached its effect.
    pub reached: bool,
    /// How the attack ended.
    pub outcome: Outcome,
    /// How the allowed variant ended, if it had no effect.
    pub over_blocked: Option<Outcome>,
}

/// Tries a case. An error means that it proves nothing: the attack has no effect where nobody refuses it.
pub fn attempt(world: &mut World, case: &Case) -> Result<Tried> {
    if world.enforces() {
        let (reached, outcome) = trial(world, Side::Outside, case, &case.attack)?;
        ensure!(reached, "control: outside an agent it has no effect either: {outcome:?}");
    }
    let (worked, variant) = trial(world, Side::Inside, case, &case.allowed)?;
    let (reached, outcome) = trial(world, Side::Inside, case, &case.attack)?;
    Ok(Tried { reached, outcome, over_blocked: (!worked).then_some(variant) })
}

/// Shows that this kernel cannot be attacked so.
pub fn lacking(world: &mut World, case: &Case, why: &str) -> Result<()> {
    let (reached, _) = trial(world, Side::Outside, case, &case.attack)?;
    ensure!(!reached, "it reaches its effect on this kernel too, and {why}");
    Ok(())
}

fn trial(world: &mut World, side: Side, case: &Case, step: &Step) -> Result<(bool, Outcome)> {
    let Step { act, effect, prepare, profile } = step;
    for spot in Spot::ALL.into_iter().filter(|spot| act.mentions(&spot.at(""))) {
        fixture::reset(spot)?;
    }
    fixture::empty(Path::new(fixture::MARKS))?;
    let undo = prepare.map(|prepare| prepare(case.spot)).transpose().context("what it needs from outside")?;
    let before = world.look(effect)?;
    let outcome = world.perform_as(*profile, side, case.who, act)?;
    let after = world.look(effect)?;
    drop(undo);
    Ok((happened(effect, &before, &after, &outcome), outcome))
}

/// The thread that acted: the one that was started, unless it says who.
pub fn doer(outcome: &Outcome) -> Result<u32> {
    match outcome.out.lines().find_map(|line| line.strip_prefix("doer ")) {
        Some(tid) => tid.parse().context("a doer's id"),
        None => Ok(outcome.tid),
    }
}
