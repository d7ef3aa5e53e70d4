//! Daemons killed at any moment: while they start, take the place of other programs, or push a policy. An attack runs
//! all the time, and never succeeds once.
//!
//! `GUARD_RESTARTS` says how often each is done, for a long run; a few times where it is not set.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::act::serve::How;
use crate::harness::fixture::{MARKS, WHOLE};
use crate::harness::guard::{self, Daemon, POLICY, POLICY_TEXT};
use crate::harness::world::Side;
use crate::harness::{By, Spot, Test, Who, World, act, check};

/// How long one attack goes on before it tells how it went.
const ROUND: Duration = Duration::from_secs(15);

/// The slowest start that was measured, emulated, is about as long.
const START: Duration = Duration::from_secs(8);

pub(super) fn all() -> Vec<Test> {
    vec![
        check("no_attack_succeeds_while_starting_daemons_are_killed", killed_while_starting),
        check("no_attack_succeeds_while_pushing_daemons_are_killed", killed_while_pushing),
    ]
}

fn times(few: u32) -> Result<u32> {
    match std::env::var("GUARD_RESTARTS") {
        Ok(text) => {
            text.parse().with_context(|| format!("GUARD_RESTARTS is {text:?}, and should be a number"))
        }
        Err(_) => Ok(few),
    }
}

/// Every other daemon brings programs of another form, as a newer version would: they take the others' place.
fn killed_while_starting(world: &mut World) -> Result<()> {
    const MANNERS: [&[&str]; 2] = [&["--policy", POLICY, "--kernel-log", "error"], &["--policy", POLICY]];
    let instance = instance(world)?;
    world.take_daemon()?.kill()?;
    let times = times(8)?;
    under_attack(world, times, |_, turn| {
        let daemon = Daemon::launch(MANNERS[turn as usize % 2])?;
        // Another moment each time, and all of a start's.
        std::thread::sleep(START * (turn * 37 % 100) / 100);
        daemon.kill()
    })?;
    world.daemon()?;
    ensure!(self::instance(world)? == instance, "the agent is not who it was");
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
    world.must_allow(&format!("write {}", Spot::Tmpfs.w("f"))).map(drop)
}

/// Either policy forbids P and allows W.
fn killed_while_pushing(world: &mut World) -> Result<()> {
    let other = "/etc/guard/other.toml";
    fs::write(other, format!("{POLICY_TEXT}\n[zones.spare]\naddresses = [\"192.0.2.7\"]\n"))?;
    instance(world)?;
    let times = times(3)?;
    under_attack(world, times, |world, turn| {
        let file = if turn % 2 == 0 { other } else { POLICY };
        let mut push = std::process::Command::new("guard").args(["policy", "apply", file]).spawn()?;
        std::thread::sleep(Duration::from_millis(u64::from(turn * 37 % 100) * 3));
        world.take_daemon()?.kill()?;
        push.wait()?;
        world.must_still_allow(&format!("write {}", Spot::Tmpfs.w("f")))?;
        world.daemon().map(drop)
    })?;
    guard::ok(&["policy", "apply", POLICY]).map(drop)
}

/// The user's agent, as the daemon knows it.
fn instance(world: &mut World) -> Result<String> {
    world.must_allow("nothing")?;
    let agents = guard::json(&["agents"])?;
    let alive =
        |agent: &&serde_json::Value| agent["alive"] == true && agent["instance"]["agent"] == "suite-user";
    let agent =
        agents.as_array().and_then(|agents| agents.iter().find(alive)).context("no agent is there")?;
    Ok(agent["instance"]["instance"].to_string())
}

/// Has root's agent write P all the time while it is done so many times. The user's stays free to be asked.
fn under_attack(
    world: &mut World,
    times: u32,
    mut once: impl FnMut(&mut World, u32) -> Result<()>,
) -> Result<()> {
    let told = format!("{MARKS}/told");
    let line = format!("hammer {told} {} write {}", ROUND.as_secs(), Spot::Tmpfs.p());
    let mut turn = 0;
    while turn < times {
        let began = Instant::now();
        world.actor(Side::Inside, Who::Root, By::Program)?.send(&act(&line).words, How::Apart)?;
        let mut result = Ok(());
        while result.is_ok() && turn < times && began.elapsed() < ROUND {
            result = once(world, turn).with_context(|| format!("time {turn}"));
            turn += 1;
        }
        let outcome = world.actor(Side::Inside, Who::Root, By::Program)?.answer()?;
        result?;
        ensure!(outcome.out.contains("done 0"), "the attack succeeded: {outcome:?}");
        ensure!(!outcome.out.contains("tried 0"), "there was no attack: {outcome:?}");
    }
    ensure!(fs::read(Spot::Tmpfs.p())? == WHOLE && !fs::exists(&told)?, "P was written");
    Ok(())
}
