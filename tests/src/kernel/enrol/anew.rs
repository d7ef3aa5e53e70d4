//! Nothing is in force, as after a boot, and what the daemon needs to start is damaged. Nobody goes free because of it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::launcher::{LAUNCHER, inside, write_p, writes};
use super::{Place, agent_in, governed, on_host, outsider};
use crate::act::serve::How;
use crate::harness::actor::Actor;
use crate::harness::fixture::{ACT, reset};
use crate::harness::guard::{Daemon, PINS, POLICY, STATE, enter};
use crate::harness::shell::{end_within, until};
use crate::harness::{Spot, Test, Who, World, act, check, guard};

const BROKEN: &str = "/etc/guard/broken.toml";

/// A start that loads every program, on a busy machine.
const LONGEST_START: Duration = Duration::from_secs(300);

pub(super) fn all() -> Vec<Test> {
    vec![
        check("after_a_boot_with_a_damaged_ledger_whoever_comes_is_refused_everything", damaged_ledger),
        check(
            "after_a_boot_with_an_order_that_cannot_be_read_every_agent_is_halted_and_with_a_broken_file_governed",
            unreadable_order,
        ),
    ]
}

fn damaged_ledger(world: &mut World) -> Result<()> {
    world.daemon()?;
    let place = Place::make("/boxes/anew")?;
    let mut before = outsider()?;
    enter(place.path(), before.pid())?;
    agent_in("/boxes/anew")?;
    world.take_daemon()?.kill()?;
    fs::remove_dir_all(PINS)?;
    until("no program is in force", Duration::from_secs(20), || writes(&mut before, &write_p(), How::Here))
        .context("control: without programs the agent should be free")?;

    let key = Damaged::file("ledger.key")?;
    let said = start_fails()?;
    ensure!(said.contains("ledger.key") && said.contains("the policy is in force"), "guardd says {said}");
    ensure!(!said.contains("halted"), "nobody halted anybody, and guardd says {said}");
    let late = nobody_is_free(&place)?;
    let said = start_fails()?;
    ensure!(said.contains("what is in force stays in force"), "guardd says {said}");
    drop(key);

    world.daemon()?;
    agent_in("/boxes/anew")?;
    governed(world, &mut before, &on_host())?;
    stays_refused(late)?;
    let mut anew = outsider()?;
    enter(place.path(), anew.pid())?;
    governed(world, &mut anew, &on_host())?;
    let mut launcher = inside(&place, LAUNCHER)?;
    ensure!(writes(&mut launcher, &write_p(), How::Here)?, "a launcher is hindered");
    ensure!(!writes(&mut launcher, &format!("exec {ACT} {}", write_p()), How::Apart)?, "the payload is free");
    world.drop_agents();
    Ok(())
}

/// The file may be an order to halt everybody. The daemon after that finds its policy's file broken; agents of
/// `guard run` went on meanwhile.
fn unreadable_order(world: &mut World) -> Result<()> {
    let place = Place::make("/boxes/order")?;
    let cgroup = world.cgroup_of_agent(Who::User)?;
    let before = sha256_of_policy(&guard::json(&["status"])?);
    world.take_daemon()?.kill()?;
    fs::remove_dir_all(PINS)?;
    until("no program is in force", Duration::from_secs(20), || Ok(world.inside_only(&write_p())?.code == 0))
        .context("control: without programs the agent should be free")?;
    let mut late = outsider()?;
    enter(&cgroup, late.pid())?;

    let order = Damaged::file("orders/nonsense.recorded")?;
    let said = start_fails()?;
    for words in ["nonsense.recorded", "the policy is in force", "every agent is halted"] {
        ensure!(said.contains(words), "guardd does not say {words:?}: {said}");
    }
    let without_slot = nobody_is_free(&place)?;
    drop(order);

    fs::write(BROKEN, "version = \n[[[")?;
    world.put_daemon(Daemon::start_lacking(&["--policy", BROKEN], "is in its place")?);
    let status = guard::fails(&["status", "--json"])?;
    ensure!(status.said().contains("broken.toml"), "it does not say which file: {}", status.said());
    let after = sha256_of_policy(&serde_json::from_str(&status.out)?);
    ensure!(after.is_some() && after == before, "another policy is in force: {after:?}, not {before:?}");
    let mut anew = outsider()?;
    enter(place.path(), anew.pid())?;
    let halted = anew.perform(&act(&write_open()).words)?;
    ensure!(halted.code == nix::libc::EACCES, "nobody recovered, and an agent runs: {halted:?}");
    guard::ok(&["recover", "--note", "the suite goes on"])?;
    governed(world, &mut anew, &on_host())?;
    for (line, code) in [(write_p(), nix::libc::EACCES), (write_open(), 0)] {
        let of_before = world.inside_only(&line)?;
        let of_late = late.perform(&act(&line).words)?;
        ensure!(of_before.code == code, "the agent of before: `{line}` ended with {of_before:?}");
        ensure!(of_late.code == code, "who entered its cgroup meanwhile: `{line}` ended with {of_late:?}");
    }
    stays_refused(without_slot)?;
    // Nobody is given again what their launcher held open for them.
    world.drop_agents();
    world.take_daemon()?.kill()?;
    world.daemon().map(drop)
}

fn sha256_of_policy(status: &Value) -> Option<String> {
    status["policy"]["sha256"].as_str().map(str::to_owned)
}

fn stays_refused(mut late: Actor) -> Result<()> {
    let open = late.perform(&act(&write_open()).words)?;
    ensure!(open.code == nix::libc::EACCES, "who came meanwhile has no slot, and may write: {open:?}");
    Ok(())
}

/// Who enters the rule's cgroup now is refused even what the policy allows; who does not is refused nothing.
fn nobody_is_free(place: &Place) -> Result<Actor> {
    let mut late = outsider()?;
    ensure!(writes(&mut late, &write_p(), How::Here)?, "control: who is nobody's agent is refused");
    enter(place.path(), late.pid())?;
    ensure!(!writes(&mut late, &write_p(), How::Here)?, "who came into the rule's cgroup is free");
    let open = late.perform(&act(&write_open()).words)?;
    ensure!(open.code == nix::libc::EACCES, "it has no slot, and may write: {open:?}");
    reset(Spot::Tmpfs)?;
    Ok(late)
}

fn write_open() -> String {
    format!("write {}", Spot::Tmpfs.w("f"))
}

fn start_fails() -> Result<String> {
    let ended = end_within(Command::new("guardd").args(["--policy", POLICY]), LONGEST_START)?;
    ensure!(ended.code() > 0, "guardd starts with a damaged file: {}", ended.said());
    Ok(ended.said())
}

/// A file of the daemon's with nonsense in it, until the end of the case.
struct Damaged {
    path: PathBuf,
    was: Option<Vec<u8>>,
}

impl Damaged {
    fn file(below: &str) -> Result<Self> {
        let path = PathBuf::from(STATE).join(below);
        let was = fs::read(&path).ok();
        fs::write(&path, "nonsense").with_context(|| format!("cannot damage {}", path.display()))?;
        Ok(Self { path, was })
    }
}

impl Drop for Damaged {
    fn drop(&mut self) {
        let _ = match &self.was {
            Some(bytes) => fs::write(&self.path, bytes),
            None => fs::remove_file(&self.path),
        };
    }
}
