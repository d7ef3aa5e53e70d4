//! The kill switch: first in every hook, with or without a daemon, until somebody lifts it.

mod forking;
mod ring;
mod told;

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guard_common::Reason;
use serde_json::json;

use crate::act::load::boot_ns;
use crate::act::serve::{How, Outcome};
use crate::harness::fixture::{self, ACT, MARKS, PROGRAM};
use crate::harness::guard::{PINS, enter};
use crate::harness::server::A4;
use crate::harness::shell::until;
use crate::harness::world::Side;
use crate::harness::{By, Spot, Test, Who, World, act, check, guard, ledger};

/// After the order has returned, an effect may still be on its way for as long as this.
const AFTER_ORDER: u64 = 0;

pub(super) fn all() -> Vec<Test> {
    let own = vec![
        check("a_terminated_swarm_has_no_survivor_and_no_effect_after_the_order", swarm_terminated),
        check("five_hundred_busy_processes_have_their_last_effect_within_50_ms_of_the_order", crowd_stopped),
        check("orders_outlive_a_reboot", rebooted),
        check("a_killed_agent_does_not_start_again_until_it_is_recovered", no_new_start),
        check("a_frozen_agent_stops_and_goes_on_after_the_recovery", frozen),
        check("one_agents_order_leaves_the_others_alone", others_go_on),
        check("killed_agent_cannot_act_in_any_way_while_the_daemon_is_stopped", every_hook),
        check("an_agent_that_left_its_cgroup_is_killed_all_the_same", left_cgroup),
        check("an_order_given_without_a_daemon_stands_in_the_ledger", recorded),
    ];
    [own, ring::all(), forking::all(), told::all()].into_iter().flatten().collect()
}

fn recover(agent: Option<&str>) -> Result<()> {
    let whose = agent.map_or(vec![], |name| vec!["--agent", name]);
    guard::ok(&[&["recover", "--note", "the suite goes on"], whose.as_slice()].concat()).map(drop)
}

/// An agent that runs a trick on its own.
fn started(name: &str, line: &str) -> Result<Child> {
    let mut command = guard::run(Who::User, name, &guard::workdir(name)?);
    command.arg(ACT).args(line.split(' ')).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("cannot start the agent")
}

fn log(name: &str) -> String {
    format!("{MARKS}/{name}.log")
}

fn beats(name: &str) -> Vec<u64> {
    let text = fs::read_to_string(log(name)).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn wait_for_beats(name: &str, least: usize) -> Result<()> {
    until(&format!("{name} beats"), Duration::from_secs(30), || Ok(beats(name).len() >= least))
}

/// Processes whose command line has the text.
fn processes(text: &str) -> Result<usize> {
    let mut found = 0;
    for entry in fs::read_dir("/proc")? {
        // A process may end while it is looked at.
        let line = fs::read(entry?.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        found += usize::from(line.starts_with("/proc/self/exe") && line.contains(text));
    }
    Ok(found)
}

fn swarm_terminated(_: &mut World) -> Result<()> {
    let name = "swarm";
    let mut agent = started(name, &format!("swarm {} 4", log(name)))?;
    wait_for_beats(name, 200)?;
    let before = boot_ns()?;
    guard::ok(&["kill", "--agent", name, "--mode", "terminate"])?;
    let ordered = boot_ns()?;
    std::thread::sleep(Duration::from_millis(300));
    let last = beats(name).into_iter().max().context("no beats")?;
    let survivors = processes(&log(name))?;
    let status = agent.wait()?;
    recover(Some(name))?;
    ensure!(
        last <= ordered + AFTER_ORDER,
        "an effect {} us after the order had returned",
        (last - ordered) / 1000
    );
    ensure!(survivors == 0, "{survivors} processes are left");
    ensure!(!status.success(), "`guard run` ended with {status}");
    println!("# last effect {} ms after the order was given", last.saturating_sub(before) / 1_000_000);
    Ok(())
}

/// From the moment the order's map is written to the last effect of any process, on two emulated processors.
const LAST_EFFECT: Duration = Duration::from_millis(50);

fn crowd_stopped(_: &mut World) -> Result<()> {
    let name = "crowd";
    let mut agent = started(name, &format!("swarm {} 9", log(name)))?;
    let all = until("500 processes act", Duration::from_secs(300), || Ok(processes(&log(name))? >= 500));
    let order = all.and_then(|()| guard::json(&["kill", "--mode", "freeze"]));
    std::thread::sleep(Duration::from_millis(500));
    let last = beats(name).into_iter().max().context("no beats")?;
    guard::ok(&["kill", "--agent", name, "--mode", "terminate"])?;
    recover(None)?;
    agent.wait()?;
    let ordered: u64 = order?["at_boot_ns"].as_str().context("the order has no time")?.parse()?;
    let late = Duration::from_nanos(last.saturating_sub(ordered));
    println!("# last effect of 500 processes {} us after the order", late.as_micros());
    ensure!(late <= LAST_EFFECT, "an effect {late:?} after the order");
    Ok(())
}

/// Programs, maps and what stands below `/run` are gone; what was ordered is not.
fn rebooted(world: &mut World) -> Result<()> {
    let name = "rebooted";
    let mut agent = started(name, "idle")?;
    until("the agent is listed", Duration::from_secs(20), || Ok(guard::ok(&["agents"])?.out.contains(name)))?;
    guard::ok(&["kill", "--agent", name, "--mode", "terminate"])?;
    agent.wait()?;
    guard::ok(&["surface", "connect", "off"])?;
    guard::ok(&["kill", "--mode", "freeze"])?;
    world.take_daemon()?.kill()?;
    fs::remove_dir_all(PINS)?;
    fs::remove_dir_all("/run/guard")?;
    world.daemon()?;
    let status = guard::json(&["status"]);
    let newcomer = started("newcomer", "nothing")?.wait()?;
    let halted = started(name, "nothing")?.wait()?;
    // Tells of an agent without an order, and fails.
    let stood = recover(Some(name));
    recover(None)?;
    let off = world.inside(&format!("tcp {A4}"))?;
    guard::ok(&["surface", "connect", "on"])?;
    let status = status?;
    stood?;
    ensure!(status["kill"] == "freeze" && status["surfaces_off"] == json!(["connect"]), "{status}");
    ensure!(!newcomer.success(), "with an order for everybody an agent was started");
    ensure!(!halted.success(), "a killed agent was started again");
    world.refusal_of(&off, Reason::SurfaceOff)?;
    ensure!(started(name, "nothing")?.wait()?.success(), "a recovered agent cannot be started");
    world.must_allow(&format!("tcp {A4}")).map(drop)
}

fn no_new_start(_: &mut World) -> Result<()> {
    let name = "stopped";
    let mut first = started(name, "idle")?;
    until("the agent is listed", Duration::from_secs(20), || Ok(guard::ok(&["agents"])?.out.contains(name)))?;
    guard::ok(&["kill", "--agent", name, "--mode", "terminate"])?;
    first.wait()?;
    let second = started(name, "nothing")?.wait()?;
    recover(Some(name))?;
    let third = started(name, "nothing")?.wait()?;
    ensure!(!second.success(), "a killed agent was started again");
    ensure!(third.success(), "a recovered agent cannot be started: {third}");
    Ok(())
}

fn frozen(_: &mut World) -> Result<()> {
    let name = "frozen";
    let mut agent = started(name, &format!("beat {}", log(name)))?;
    wait_for_beats(name, 20)?;
    guard::ok(&["kill", "--agent", name, "--mode", "freeze"])?;
    let ordered = boot_ns()?;
    std::thread::sleep(Duration::from_millis(300));
    let last = beats(name).into_iter().max().context("no beats")?;
    let count = beats(name).len();
    recover(Some(name))?;
    let resumed = wait_for_beats(name, count + 10);
    guard::ok(&["kill", "--agent", name, "--mode", "terminate"])?;
    agent.wait()?;
    recover(Some(name))?;
    ensure!(
        last <= ordered + AFTER_ORDER,
        "an effect {} us after the order had returned",
        (last - ordered) / 1000
    );
    resumed
}

fn others_go_on(world: &mut World) -> Result<()> {
    let name = "alone";
    let mut agent = started(name, "idle")?;
    until("the agent is listed", Duration::from_secs(20), || Ok(guard::ok(&["agents"])?.out.contains(name)))?;
    guard::ok(&["kill", "--agent", name, "--mode", "terminate"])?;
    let other = world.must_allow(&format!("write {}", Spot::Tmpfs.w("f")));
    agent.wait()?;
    recover(Some(name))?;
    other.map(drop)
}

/// One act for each hook; all work before the order.
fn acts() -> Vec<String> {
    let w = |name| Spot::Tmpfs.w(name);
    vec![
        format!("read {}", w("f")),
        format!("write {}", w("f")),
        format!("create {}", w("new")),
        format!("truncate {}", w("f")),
        format!("unlink {}", w("f2")),
        format!("rename {} {}", w("f"), w("g")),
        format!("link {} {}", w("script"), w("linked")),
        format!("symlink x {}", w("symbolic")),
        format!("mkdir {}", w("folder")),
        format!("rmdir {}", w("d")),
        format!("mkfifo {}", w("fifo")),
        format!("chmod {}", w("script")),
        format!("chown {} {}", w("script"), fixture::USER),
        format!("tcp {A4}"),
        format!("udp {A4}"),
        format!("exec {PROGRAM} true"),
    ]
}

/// Tries the acts in the serving process itself: under the order no task can be made.
fn try_all(world: &mut World, acts: &[String]) -> Result<Vec<Outcome>> {
    let actor = world.actor(Side::Inside, Who::User, By::Program)?;
    acts.iter().map(|line| actor.order(&act(line).words, How::Here)).collect()
}

/// The serving process is moved out of its cgroup: freezing the cgroup would hide what the hooks say.
fn every_hook(world: &mut World) -> Result<()> {
    let acts = acts();
    let exec = acts.len() - 1;
    for outcome in try_all(world, &acts[..exec])? {
        ensure!(outcome.code == 0, "before the order: {outcome:?}");
    }
    world.records()?;
    fixture::reset(Spot::Tmpfs)?;
    let cgroup = world.cgroup_of_agent(Who::User)?;
    let pid = try_all(world, &["nothing".to_owned()])?.first().context("no answer")?.tid;
    enter("/sys/fs/cgroup", pid)?;
    world.take_daemon()?.kill()?;
    guard::ok(&["kill", "--mode", "freeze"])?;
    let dead = tried_under_order(world, &acts);
    let daemon = world.daemon().map(drop);
    let restarted = tried_under_order(world, &acts);
    recover(None)?;
    enter(&cgroup, pid)?;
    daemon?;
    let mut outcomes = dead?;
    outcomes.extend(restarted?);
    for (outcome, line) in outcomes.iter().zip(acts.iter().chain(&acts)) {
        ensure!(outcome.code == nix::libc::EACCES, "under the order, `{line}` ended with {outcome:?}");
    }
    let refusals = ledger::refusals(&world.records()?);
    let own =
        refusals.iter().filter(|refused| refused.tid == pid && refused.reason == Reason::KillSwitch.name());
    let least = outcomes.len();
    ensure!(own.clone().count() >= least, "{} of {least} refusals stand in the ledger", own.count());
    world.must_allow(&format!("write {}", Spot::Tmpfs.w("f"))).map(drop)
}

/// Every act, and a new task, while the order stands. Never starts a daemon.
fn tried_under_order(world: &mut World, acts: &[String]) -> Result<Vec<Outcome>> {
    let outcomes = acts.iter().map(|line| world.here_only(Side::Inside, line)).collect::<Result<Vec<_>>>()?;
    let fork = world.inside_only("nothing")?;
    ensure!(fork.code == nix::libc::EACCES, "under the order a task could be made: {fork:?}");
    Ok(outcomes)
}

/// A labelled process in another cgroup: cgroup.kill does not reach it, its label does.
fn left_cgroup(_: &mut World) -> Result<()> {
    let name = "leaver";
    let mut agent = started(name, &format!("beat {}", log(name)))?;
    wait_for_beats(name, 5)?;
    let agents = guard::json(&["agents"])?;
    let pids = agents.as_array().and_then(|all| {
        all.iter().find(|agent| agent["alive"] == true && agent["instance"]["agent"] == name)?["pids"]
            .as_array()
    });
    let pid = pids.and_then(|pids| pids.first()?.as_u64()).context("the agent's pid is not listed")?;
    enter("/sys/fs/cgroup", u32::try_from(pid)?)?;
    guard::ok(&["kill", "--agent", name, "--mode", "terminate"])?;
    let ordered = boot_ns()?;
    std::thread::sleep(Duration::from_millis(300));
    let last = beats(name).into_iter().max().context("no beats")?;
    recover(Some(name))?;
    agent.kill()?;
    agent.wait()?;
    ensure!(
        last <= ordered + AFTER_ORDER,
        "an effect {} us after the order had returned",
        (last - ordered) / 1000
    );
    Ok(())
}

fn recorded(world: &mut World) -> Result<()> {
    world.records()?;
    world.take_daemon()?.kill()?;
    guard::ok(&["kill", "--mode", "freeze"])?;
    world.daemon()?;
    recover(None)?;
    let entries = world.records()?;
    let kills = ledger::of_stage(&entries, "kill");
    ensure!(kills.len() == 1 && kills[0]["mode"] == "freeze", "the ledger holds {kills:?}");
    ensure!(ledger::of_stage(&entries, "recover").len() == 1, "the recovery is not recorded");
    Ok(())
}
