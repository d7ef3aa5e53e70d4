//! Processes that somebody puts into an enrolled cgroup by hand, and those that were in it before it was one.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use guard_common::fault::Fault;

use super::{Place, agent_in, enrolling, failing, free, gone, governed, on_host, outsider, refusals};
use crate::harness::fixture::ACT;
use crate::harness::guard::enter;
use crate::harness::{Spot, Test, Who, World, check, guard, ledger};
use crate::kernel::fault::inject;

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_process_that_is_moved_in_by_hand_is_the_agent_at_once", by_hand),
        check("with_the_daemon_dead_too_and_the_next_one_records_it", daemon_dead),
        check("whoever_was_in_it_before_the_policy_is_enrolled_with_every_thread", before),
        check("whoever_enters_and_cannot_be_labelled_is_the_agent_all_the_same", unlabelled),
        check("a_cgroup_that_no_rule_takes_is_free", not_taken),
        check("an_exception_is_free", excepted),
    ]
}

fn by_hand(world: &mut World) -> Result<()> {
    enrolling(world, |world| {
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
    })
}

fn daemon_dead(world: &mut World) -> Result<()> {
    enrolling(world, |world| {
        let place = Place::make("/boxes/unheard")?;
        let mut actor = outsider()?;
        world.records()?;
        world.take_daemon()?.kill()?;
        enter(place.path(), actor.pid())?;
        let result = governed(world, &mut actor, &on_host());
        world.daemon()?;
        result?;
        governed(world, &mut actor, &on_host())?;
        agent_in("/boxes/unheard")?;
        let entries = world.records()?;
        let enrolled = ledger::of_stage(&entries, "enrol");
        ensure!(
            enrolled.iter().any(|one| one["path"] == "/boxes/unheard"),
            "it is not recorded: {enrolled:?}"
        );
        let own = refusals(&entries, "unheard").len();
        ensure!(own == 8, "of 8 refusals {own} are recorded as its own");
        Ok(())
    })
}

fn before(world: &mut World) -> Result<()> {
    let place = Place::make("/boxes/before")?;
    let go = Spot::Tmpfs.w("go");
    let line = format!("crowd 6 {go} write {}", Spot::Tmpfs.p());
    let mut crowd = guard::as_user(Who::User, ACT).args(line.split(' ')).stdout(Stdio::piped()).spawn()?;
    let mut out = BufReader::new(crowd.stdout.take().context("no pipe")?);
    let mut ready = String::new();
    out.read_line(&mut ready)?;
    let mut actor = outsider()?;
    enter(place.path(), crowd.id())?;
    enter(place.path(), actor.pid())?;
    free(world, &mut actor, &on_host())?;
    enrolling(world, |world| {
        agent_in("/boxes/before")?;
        governed(world, &mut actor, &on_host())?;
        std::fs::write(&go, "")?;
        let mut told = String::new();
        out.read_to_string(&mut told)?;
        crowd.wait()?;
        let refused = told.lines().filter(|line| *line == "13").count();
        ensure!(refused == 6, "of 6 threads {refused} were refused");
        Ok(())
    })
}

fn unlabelled(world: &mut World) -> Result<()> {
    failing(world, |world| {
        let place = Place::make("/boxes/unlabelled")?;
        let mut actor = outsider()?;
        let mut host = outsider()?;
        inject(1 << Fault::LabelEnter.raw())?;
        enter(place.path(), actor.pid())?;
        governed(world, &mut actor, &on_host())?;
        free(world, &mut host, &on_host())
    })
}

fn not_taken(world: &mut World) -> Result<()> {
    enrolling(world, |world| {
        // One level too deep or too shallow, and a name that only resembles.
        for path in ["/boxe/x", "/other/boxes/x"] {
            let place = Place::make(path)?;
            let mut actor = outsider()?;
            enter(place.path(), actor.pid())?;
            free(world, &mut actor, &on_host())?;
        }
        Ok(())
    })
}

fn excepted(world: &mut World) -> Result<()> {
    enrolling(world, |world| {
        let place = Place::make("/boxes/free-one")?;
        let mut actor = outsider()?;
        enter(place.path(), actor.pid())?;
        free(world, &mut actor, &on_host())
    })
}
