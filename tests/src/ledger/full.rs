//! A disk without room: enforcement goes on, what narrows is done and what widens is not, and what could not be
//! written is there once it can.

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::act::serve::Outcome;
use crate::harness::fixture::{ACT, MARKS};
use crate::harness::guard::{self, Daemon, POLICY, refused_daemon};
use crate::harness::shell::{Ended, end, sh, until};
use crate::harness::{By, Spot, Test, Who, World, check, ledger};

const STATE: &str = "/guardtest/small";
const DAEMON: [&str; 4] = ["--state", STATE, "--policy", POLICY];
/// The agent that orders are given against.
const AGENT: &str = "halted";
/// Longest from a change of the disk to the daemon's having noticed.
const NOTICE_LIMIT: Duration = Duration::from_secs(30);

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_full_disk_loses_nothing_and_opens_nothing", |world| on_small_disk(world, refusals)),
        check("a_daemon_that_starts_on_a_full_disk_is_refused_and_loses_nothing", |world| {
            on_small_disk(world, starts)
        }),
        check("on_a_full_disk_nothing_is_given", |world| on_small_disk(world, given)),
        check("on_a_full_disk_an_agent_is_killed_at_once", |world| on_small_disk(world, killed)),
        check("on_a_full_disk_a_surface_is_switched_off_and_stays_so", |world| {
            on_small_disk(world, switched)
        }),
        check("a_kill_order_given_on_a_full_disk_is_recorded_once_there_is_room", |world| {
            on_small_disk(world, order_recorded)
        }),
        check("an_agent_killed_on_a_full_disk_does_not_start_again_until_it_is_recovered", |world| {
            on_small_disk(world, no_new_start)
        }),
    ]
}

/// A case whose daemon keeps its state on a disk of its own.
fn on_small_disk(world: &mut World, case: fn(&mut World, Daemon) -> Result<()>) -> Result<()> {
    world.must_allow("nothing")?;
    ensure!(world.take_daemon()?.stop()?.success(), "the daemon did not end in order");
    fs::create_dir_all(STATE)?;
    sh(&format!("mount -t tmpfs -o size=48m,mode=700 tmpfs {STATE}"))?;
    let result = Daemon::start_with(&DAEMON).and_then(|daemon| case(world, daemon));
    let unmounted = sh(&format!("umount {STATE}"));
    world.daemon()?;
    result.and(unmounted)
}

fn refusals(world: &mut World, daemon: Daemon) -> Result<()> {
    refused_writes(world, 1)?;
    fill()?;
    let tids = refused_writes(world, 20)?;
    told_of_full_disk()?;
    make_room()?;
    recorded(&tids)?;
    whole(daemon)
}

fn starts(world: &mut World, daemon: Daemon) -> Result<()> {
    let mut tids = refused_writes(world, 5)?;
    ensure!(daemon.stop()?.success(), "the daemon did not end in order");
    fill()?;
    let ended = refused_daemon(&DAEMON)?;
    tids.extend(refused_writes(world, 5)?);
    let allowed = allowed_write(world)?;
    fs::remove_file(filler())?;
    let daemon = Daemon::start_with(&DAEMON)?;
    recorded(&tids)?;
    whole(daemon)?;
    ensure!(ended.code() > 0, "the daemon ended with {}: {}", ended.status, ended.said());
    for word in [STATE, "space"] {
        ensure!(ended.said().contains(word), "it does not say {word:?}: {}", ended.said());
    }
    ensure!(!ended.said().contains("panicked"), "it panicked: {}", ended.said());
    ensure!(allowed.code == 0, "meanwhile W could not be written: {allowed:?}");
    Ok(())
}

/// A launch, a policy, and the end of orders that stood before.
fn given(world: &mut World, daemon: Daemon) -> Result<()> {
    let _agent = guard::agent(Who::User, AGENT, By::Program)?;
    guard::ok(&kill_order())?;
    guard::ok(&["surface", "tool", "off"])?;
    let before = guard::json(&["status"])?;
    fill()?;
    refused_writes(world, 1)?;
    told_of_full_disk()?;
    let widening: [&[&str]; 3] = [&recovery(), &["policy", "apply", POLICY], &["surface", "tool", "on"]];
    for words in widening {
        refused_for_space(&words.join(" "), &guard::guard(words)?)?;
    }
    let (ended, ran) = launch("late")?;
    refused_for_space("run", &ended)?;
    ensure!(!ran, "a program was started");
    let after = guard::json(&["status"])?;
    for field in ["/policy/generation", "/surfaces_off", "/killed_agents", "/agents_alive"] {
        let (before, after) = (before.pointer(field), after.pointer(field));
        ensure!(before == after, "{field} was {before:?} and is {after:?}");
    }
    make_room()?;
    for words in widening {
        guard::ok(words)?;
    }
    whole(daemon)
}

/// How `guard run` ended, and whether its program did anything.
fn launch(name: &str) -> Result<(Ended, bool)> {
    let mark = format!("{MARKS}/{name}");
    let mut run = guard::run(Who::User, name, &guard::workdir(name)?);
    let ended = end(run.args([ACT, "create", &mark]))?;
    Ok((ended, fs::exists(&mark)?))
}

fn refused_for_space(what: &str, ended: &Ended) -> Result<()> {
    ensure!(ended.code() > 0, "`guard {what}` was not refused: {}", ended.said());
    ensure!(ended.err.contains("space"), "`guard {what}` does not say what is full: {}", ended.said());
    Ok(())
}

/// That the order would not outlive a reboot is told: exit status 1.
fn killed(world: &mut World, daemon: Daemon) -> Result<()> {
    let mut agent = guard::agent(Who::User, AGENT, By::Program)?;
    fill()?;
    refused_writes(world, 1)?;
    told_of_full_disk()?;
    let ended = guard::guard(&kill_order())?;
    let gone = until("the killed agent is gone", NOTICE_LIMIT, || agent.ended());
    let other = allowed_write(world)?;
    make_room()?;
    guard::ok(&recovery())?;
    whole(daemon)?;
    gone?;
    ensure!(other.code == 0, "an agent that was not meant could not write: {other:?}");
    let is_told = ended.code() == 1 && ended.out.contains("NOT CONFIRMED") && ended.out.contains("space");
    ensure!(ended.code() == 0 || is_told, "`guard kill` ended with {}: {}", ended.status, ended.said());
    Ok(())
}

/// In force at once, and recorded once there is room. That it would not outlive a reboot is told: exit status 1.
fn switched(world: &mut World, daemon: Daemon) -> Result<()> {
    fill()?;
    refused_writes(world, 1)?;
    told_of_full_disk()?;
    let ended = guard::guard(&["surface", "write", "off"])?;
    let off = allowed_write(world)?;
    make_room()?;
    let still_off = allowed_write(world)?;
    guard::ok(&["surface", "write", "on"])?;
    let orders = in_ledger("surface")?;
    whole(daemon)?;
    for outcome in [off, still_off] {
        ensure!(outcome.code == nix::libc::EACCES, "with the switch off: {outcome:?}");
    }
    let is_told = ended.code() == 1 && ended.err.contains("will not outlive a reboot");
    ensure!(ended.code() == 0 || is_told, "`guard surface` ended with {}: {}", ended.status, ended.said());
    let on: Vec<&Value> = orders.iter().map(|order| &order["on"]).collect();
    ensure!(on == [false, true], "the ledger holds {orders:?}");
    Ok(())
}

fn order_recorded(world: &mut World, daemon: Daemon) -> Result<()> {
    let _agent = guard::agent(Who::User, AGENT, By::Program)?;
    fill()?;
    refused_writes(world, 1)?;
    told_of_full_disk()?;
    guard::guard(&kill_order())?;
    make_room()?;
    let kept =
        until("the kill order stands in the ledger", NOTICE_LIMIT, || Ok(in_ledger("kill")?.len() == 1));
    guard::ok(&recovery())?;
    whole(daemon)?;
    kept
}

/// The order stands for its name, not only for the instance that it met.
fn no_new_start(_: &mut World, daemon: Daemon) -> Result<()> {
    let mut agent = guard::agent(Who::User, AGENT, By::Program)?;
    fill()?;
    guard::guard(&kill_order())?;
    until("the killed agent is gone", NOTICE_LIMIT, || agent.ended())?;
    make_room()?;
    let (second, _) = launch(AGENT)?;
    guard::ok(&recovery())?;
    let (third, ran) = launch(AGENT)?;
    whole(daemon)?;
    ensure!(second.code() > 0, "a killed agent was started again: {second:?}");
    ensure!(third.code() == 0 && ran, "a recovered agent cannot be started: {third:?}");
    Ok(())
}

fn kill_order() -> [&'static str; 7] {
    ["kill", "--agent", AGENT, "--mode", "terminate", "--state", STATE]
}

fn recovery() -> [&'static str; 5] {
    ["recover", "--agent", AGENT, "--note", "the suite goes on"]
}

/// Tries to write P, so many times; tells who tried.
fn refused_writes(world: &mut World, number: usize) -> Result<Vec<u32>> {
    let mut tids = Vec::new();
    for _ in 0..number {
        let outcome = world.inside_only(&format!("write {}", Spot::Tmpfs.p()))?;
        ensure!(outcome.code == nix::libc::EACCES, "P could be written: {outcome:?}");
        tids.push(outcome.tid);
    }
    Ok(tids)
}

fn allowed_write(world: &mut World) -> Result<Outcome> {
    world.inside_only(&format!("write {}", Spot::Tmpfs.w("f")))
}

fn filler() -> String {
    format!("{STATE}/filler")
}

/// To the last byte: what is left over is less than one page.
fn fill() -> Result<()> {
    let mut filler = File::create(filler())?;
    for size in [1 << 20, 4096, 1] {
        let block = vec![0u8; size];
        while filler.write_all(&block).is_ok() {}
    }
    Ok(())
}

fn ledger_error() -> Result<Value> {
    Ok(guard::json(&["status"])?["ledger_error"].take())
}

fn told_of_full_disk() -> Result<()> {
    until("status tells of the full disk", NOTICE_LIMIT, || {
        Ok(ledger_error()?.as_str().is_some_and(|error| error.contains("space")))
    })
}

fn make_room() -> Result<()> {
    fs::remove_file(filler())?;
    until("the ledger writes again", NOTICE_LIMIT, || Ok(ledger_error()?.is_null()))
}

fn in_ledger(stage: &str) -> Result<Vec<Value>> {
    Ok(ledger::of_stage(&ledger::entries_in(STATE)?, stage).into_iter().cloned().collect())
}

/// Each doer's refusal is recorded, once.
fn recorded(tids: &[u32]) -> Result<()> {
    until("every refusal is recorded once", NOTICE_LIMIT, || {
        let refusals = ledger::refusals(&ledger::entries_in(STATE)?);
        let of = |tid: u32| refusals.iter().filter(|refused| refused.tid == tid).count();
        Ok(tids.iter().all(|tid| of(*tid) == 1))
    })
}

/// The daemon ends in order, and what it leaves verifies.
fn whole(daemon: Daemon) -> Result<()> {
    ensure!(daemon.stop()?.success(), "the daemon did not end in order");
    guard::ok(&["audit", "verify", "--state", STATE]).map(drop)
}
