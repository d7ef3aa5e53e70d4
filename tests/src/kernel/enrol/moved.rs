//! Processes that somebody puts into a cgroup by hand: one that a rule takes, and those that none does.

use anyhow::{Context, Result, ensure};

use super::{Place, agent_in, free, gone, governed, on_host, outsider, refusals};
use crate::harness::guard::enter;
use crate::harness::{Test, World, check, ledger};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_process_that_is_moved_in_by_hand_is_the_agent_at_once", by_hand),
        check("a_cgroup_that_no_rule_takes_is_free", not_taken),
        check("an_exception_is_free", excepted),
    ]
}

fn by_hand(world: &mut World) -> Result<()> {
    let place = Place::make("/boxes/by-hand")?;
    let mut actor = outsider()?;
    free(world, &mut actor, &on_host())?;
    world.records()?;
    enter(place.path(), actor.pid())?;
    governed(world, &mut actor, &on_host())?;
    let agent = agent_in("/boxes/by-hand")?;
    ensure!(
        agent["instance"]["agent"] == "by-hand" && agent["instance"]["profile"] == "boxed",
        "guard agents says {agent}"
    );
    let entries = world.records()?;
    let enrolled = ledger::of_stage(&entries, "enrol");
    let one = enrolled.first().context("nothing is recorded to be enrolled")?;
    ensure!(
        enrolled.len() == 1
            && one["path"] == "/boxes/by-hand"
            && ledger::number(&one["by"]["process"]["pid"]) == Some(std::process::id().into()),
        "the records are {enrolled:?}"
    );
    let own = refusals(&entries, "by-hand");
    ensure!(own.len() == 4, "instead of four refusals it has {own:?}");
    drop(actor);
    drop(place);
    gone("/boxes/by-hand")?;
    let entries = world.records()?;
    let exits = ledger::of_stage(&entries, "exit");
    ensure!(exits.iter().any(|exit| exit["instance"]["agent"] == "by-hand"), "no end is recorded");
    Ok(())
}

fn not_taken(world: &mut World) -> Result<()> {
    // One level too deep or too shallow, and a name that only resembles.
    for path in ["/boxe/x", "/other/boxes/x"] {
        let place = Place::make(path)?;
        let mut actor = outsider()?;
        enter(place.path(), actor.pid())?;
        free(world, &mut actor, &on_host())?;
    }
    Ok(())
}

fn excepted(world: &mut World) -> Result<()> {
    let place = Place::make("/boxes/free-one")?;
    let mut actor = outsider()?;
    enter(place.path(), actor.pid())?;
    free(world, &mut actor, &on_host())
}
