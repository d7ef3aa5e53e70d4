//! The daemon that runs, and what an agent with every right does to it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::apply::with;
use crate::harness::bystander::NOTE;
use crate::harness::guard::PINS;
use crate::harness::server::{A4, D4};
use crate::harness::shell::until;
use crate::harness::world::Side;
use crate::harness::{Effect, Spot, Test, Who, World, act, check, fixture, guard};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("an_agent_neither_ends_nor_stops_nor_changes_the_daemon", out_of_reach),
        check("an_agent_takes_hold_of_no_program_link_or_map_that_is_guards_own", own_objects),
        check("an_agent_gives_no_orders", no_orders),
        check("a_peer_that_changes_while_it_is_named_is_judged_as_it_is_used", changing_peer),
    ]
}

const ATTACKS: [&str; 13] = [
    "!ipc.signal.at_bystander kill",
    "!ipc.signal.at_bystander stop",
    "!ipc.signal.at_bystander kill_thread",
    "!ipc.signal.at_bystander kill_any_thread",
    "!ipc.signal.at_bystander queue",
    "!ipc.signal.at_bystander by_descriptor",
    "!ipc.signal.at_bystander limit",
    "!ipc.signal.at_bystander slow_down",
    "!ipc.signal.at_bystander offer_for_memory",
    "!ipc.trace.at_bystander attach",
    "!ipc.trace.at_bystander seize",
    "!ipc.trace.at_bystander write_memory",
    "!ipc.trace.at_bystander write_file",
];

/// How long an attack may take to show.
const SHOWN_LIMIT: Duration = Duration::from_secs(10);

fn out_of_reach(world: &mut World) -> Result<()> {
    let pid = world.daemon()?.pid();
    let before = state(pid)?;
    fixture::folder("/guardtest/bystander")?;
    for line in ATTACKS {
        works_on_its_like(world, pid, line).with_context(|| format!("control: `{line}`"))?;
        note(line, pid)?;
        let outcome = world.perform(Side::Inside, Who::Root, &act(line))?;
        ensure!(outcome.code != 0, "`{line}` ended with {outcome:?}");
        ensure!(state(pid)? == before, "after `{line}` the daemon is {:?}, and was {before:?}", state(pid));
    }
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
    note(ATTACKS[0], pid)?;
    let control = world.perform(Side::Outside, Who::Root, &act(ATTACKS[0]))?;
    ensure!(control.code == 0, "control: {control:?}");
    let dead = world.take_daemon()?.kill();
    world.daemon()?;
    dead
}

/// Whom the attack is for.
fn note(line: &str, pid: u32) -> Result<()> {
    let address = if line.starts_with("!ipc.trace") { format!(" {}", stack_of(pid)?) } else { String::new() };
    Ok(fs::write(NOTE, format!("{pid}{address}"))?)
}

/// The same attack outside of the agent, on a process with the daemon's rights: the daemon itself would not live
/// through it.
fn works_on_its_like(world: &mut World, daemon: u32, line: &str) -> Result<()> {
    let like = Like(Command::new("sleep").arg("infinity").spawn()?);
    let pid = like.0.id();
    // Its start returns before its stack is where it stays; its arguments are there only then.
    let words = format!("/proc/{pid}/cmdline");
    until("it runs", SHOWN_LIMIT, || Ok(fs::read(&words)?.starts_with(b"sleep")))?;
    ensure!(rights(pid)? == rights(daemon)?, "it has other rights than the daemon");
    let before = state(pid)?;
    note(line, pid)?;
    let outcome = world.perform(Side::Outside, Who::Root, &act(line))?;
    ensure!(outcome.code == 0, "it ended with {outcome:?}");
    until("it shows", SHOWN_LIMIT, || Ok(state(pid)? != before))
}

/// A process that is like the daemon to whoever attacks it.
struct Like(Child);

impl Drop for Like {
    fn drop(&mut self) {
        // The attack may have ended it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whose it is, and with which capabilities.
fn rights(pid: u32) -> Result<Vec<String>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let names = ["Uid:", "Gid:", "Cap", "NoNewPrivs:", "Seccomp:"];
    let is_right = |line: &&str| names.iter().any(|name| line.starts_with(name));
    Ok(status.lines().filter(is_right).map(str::to_owned).collect())
}

/// What attacks would change: whether it runs, who traces it, how urgent it is, how soon it goes when memory runs out,
/// its limits, and the last word of its stack.
fn state(pid: u32) -> Result<[String; 6]> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    let letter = line("State:").split_whitespace().nth(1).map(str::to_owned);
    let runs = matches!(letter.as_deref(), Some("R" | "S" | "D" | "I"));
    let state = if runs { "runs" } else { "stopped or dead" };
    let nice = fs::read_to_string(format!("/proc/{pid}/stat"))?.split(' ').nth(18).map(str::to_owned);
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let goes = fs::read_to_string(format!("/proc/{pid}/oom_score_adj"))?;
    Ok([state.to_owned(), line("TracerPid:"), format!("nice {nice:?}"), goes, limits, word_of(pid)])
}

/// What lies where [`stack_of`] says; who is dead has nothing there.
fn word_of(pid: u32) -> String {
    let mut word = [0; 8];
    let read = stack_of(pid)
        .and_then(|address| Ok(File::open(format!("/proc/{pid}/mem"))?.read_exact_at(&mut word, address)?));
    read.map_or_else(|_| "no memory".to_owned(), |()| format!("{word:?}"))
}

/// Where its stack begins.
fn stack_of(pid: u32) -> Result<u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let line = maps.lines().find(|line| line.ends_with("[stack]")).context("it has no stack")?;
    Ok(u64::from_str_radix(line.split('-').next().unwrap_or_default(), 16)?)
}

/// By the numbers that they really have. Nobody detaches anything: who has a descriptor could.
fn own_objects(world: &mut World) -> Result<()> {
    let numbers = act(&format!("!tamper.kernel_objects.numbers_below {PINS}"));
    let told = world.perform(Side::Outside, Who::Root, &numbers)?;
    let kinds: Vec<&str> = told.out.lines().collect();
    ensure!(kinds.len() == 3, "no numbers of each kind: {told:?}");
    for kind in kinds {
        let number = kind.split(' ').count() - 1;
        let attack = act(&format!("!tamper.kernel_objects.taken_by_number {kind}"));
        let outside = world.perform(Side::Outside, Who::Root, &attack)?;
        ensure!(outside.out.trim() == format!("{number} of {number}"), "control, {kind}: {outside:?}");
        let inside = world.perform(Side::Inside, Who::Root, &attack)?;
        ensure!(inside.out.trim() == format!("0 of {number}"), "{kind}: {inside:?}");
    }
    guard::ok(&["doctor", "--in-force"])?;
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p())).map(drop)
}

/// What `guard policy apply` is told.
const OTHER: &str = "/etc/guard/other.toml";

/// An order, and the one that takes it back. The agent that is named is not the one that gives them.
const ORDERS: [(&str, &str); 3] = [
    ("guard surface write off", "guard surface write on"),
    ("guard policy apply /etc/guard/other.toml", "guard policy apply /etc/guard/suite.toml"),
    (
        "guard kill --agent suite-user --mode freeze",
        "guard recover --agent suite-user --note 'the suite goes on'",
    ),
];

/// With every right, by the same commands that root gives outside.
fn no_orders(world: &mut World) -> Result<()> {
    fs::write(OTHER, with("[zones.spare]\naddresses = [\"192.0.2.7\"]\n"))?;
    world.must_allow("nothing")?;
    for (order, back) in ORDERS {
        obeyed_outside_only(world, order)?;
        obeyed_outside_only(world, back)?;
    }
    // Who is frozen with all others tries to take nothing back.
    obeyed_outside_only(world, "guard kill --mode freeze")?;
    guard::ok(&["recover", "--note", "the suite goes on"])?;
    world.must_allow(&format!("write {}", Spot::Tmpfs.w("f")))?;
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p())).map(drop)
}

fn obeyed_outside_only(world: &mut World, words: &str) -> Result<()> {
    let order = act(&format!("exec /usr/bin/env {words}"));
    let before = ordered()?;
    let inside = world.perform(Side::Inside, Who::Root, &order)?;
    ensure!(inside.code != 0, "`{words}` in an agent ended with {inside:?}");
    ensure!(ordered()? == before, "`{words}` in an agent made {:?} of {before:?}", ordered());
    let outside = world.perform(Side::Outside, Who::Root, &order)?;
    ensure!(outside.code == 0 && ordered()? != before, "control: `{words}` ended with {outside:?}");
    Ok(())
}

/// What orders change.
fn ordered() -> Result<[Value; 4]> {
    let mut status = guard::json(&["status"])?;
    let policy = status["policy"]["sha256"].take();
    let [kill, killed, off] = ["kill", "killed_agents", "surfaces_off"].map(|name| status[name].take());
    Ok([policy, kill, killed, off])
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
