//! The daemon that runs, and what an agent with every right does to it.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::harness::bystander::NOTE;
use crate::harness::server::{A4, D4};
use crate::harness::world::Side;
use crate::harness::{Effect, Spot, Test, Who, World, act, check, fixture};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("an_agent_neither_ends_nor_stops_nor_changes_the_daemon", out_of_reach),
        check("an_agent_gives_no_orders", no_orders),
        check("a_peer_that_changes_while_it_is_named_is_judged_as_it_is_used", changing_peer),
    ]
}

const ATTACKS: [&str; 11] = [
    "!ipc.signal.at_bystander kill",
    "!ipc.signal.at_bystander stop",
    "!ipc.signal.at_bystander kill_thread",
    "!ipc.signal.at_bystander queue",
    "!ipc.signal.at_bystander by_descriptor",
    "!ipc.signal.at_bystander limit",
    "!ipc.signal.at_bystander slow_down",
    "!ipc.trace.at_bystander attach",
    "!ipc.trace.at_bystander seize",
    "!ipc.trace.at_bystander write_memory",
    "!ipc.trace.at_bystander write_file",
];

fn out_of_reach(world: &mut World) -> Result<()> {
    let pid = world.daemon()?.pid();
    let before = state(pid)?;
    fixture::folder("/guardtest/bystander")?;
    fs::write(NOTE, pid.to_string())?;
    let note = |address: &str| fs::write(NOTE, format!("{pid}{address}"));
    let own = format!(" {}", stack_of(pid)?);
    for line in ATTACKS {
        note(if line.starts_with("!ipc.trace") { &own } else { "" })?;
        let outcome = world.perform(Side::Inside, Who::Root, &act(line))?;
        ensure!(outcome.code != 0, "`{line}` ended with {outcome:?}");
        ensure!(state(pid)? == before, "after `{line}` the daemon is {:?}, and was {before:?}", state(pid));
    }
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
    note("")?;
    let control = world.perform(Side::Outside, Who::Root, &act(ATTACKS[0]))?;
    ensure!(control.code == 0, "control: {control:?}");
    let dead = world.take_daemon()?.kill();
    world.daemon()?;
    dead
}

/// Whether it runs, how urgently, and with which limits.
fn state(pid: u32) -> Result<(String, String)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    let state = if line("State:").contains(['T', 't', 'Z', 'X']) { "stopped or dead" } else { "runs" };
    let nice = fs::read_to_string(format!("/proc/{pid}/stat"))?.split(' ').nth(18).map(str::to_owned);
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    Ok((format!("{state} {} nice {nice:?}", line("TracerPid:")), limits))
}

/// Where its stack begins.
fn stack_of(pid: u32) -> Result<u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let line = maps.lines().find(|line| line.ends_with("[stack]")).context("it has no stack")?;
    Ok(u64::from_str_radix(line.split('-').next().unwrap_or_default(), 16)?)
}

/// With every right, by the same commands that root gives outside.
fn no_orders(world: &mut World) -> Result<()> {
    for words in [
        "guard surface write off",
        "guard kill --mode freeze",
        "guard recover --note mine",
        "guard policy apply /etc/guard/suite.toml",
    ] {
        let line = format!("exec /usr/bin/env {words}");
        let outcome = world.perform(Side::Inside, Who::Root, &act(&line))?;
        ensure!(outcome.code != 0, "`{words}` in an agent ended with {outcome:?}");
        world.must_allow(&format!("write {}", Spot::Tmpfs.w("f")))?;
        world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
    }
    Ok(())
}

/// Another thread writes one address and the other into the same place, again and again.
fn changing_peer(world: &mut World) -> Result<()> {
    let race = act(&format!("!net.second_peer.changing {A4} {D4}"));
    let before = world.look(&Effect::ReachedOther)?;
    world.perform(Side::Outside, Who::User, &race)?;
    ensure!(world.look(&Effect::ReachedOther)? != before, "control: D was never reached");
    let (other, allowed) = (world.look(&Effect::ReachedOther)?, world.look(&Effect::ReachedAllowed)?);
    world.perform(Side::Inside, Who::User, &race)?;
    ensure!(world.look(&Effect::ReachedOther)? == other, "D was reached");
    ensure!(world.look(&Effect::ReachedAllowed)? != allowed, "A was never reached");
    Ok(())
}
