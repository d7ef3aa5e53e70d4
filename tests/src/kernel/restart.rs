//! Daemons killed at any moment: while they start, take the place of other programs, or push a policy. An attack runs
//! all the time, and never succeeds once.
//!
//! `GUARD_RESTARTS` says how often each is done, for a long run; a few times where it is not set.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::act::serve::How;
use crate::harness::actor::Actor;
use crate::harness::fixture::{MARKS, WHOLE};
use crate::harness::guard::{self, Daemon, PINS, POLICY, POLICY_TEXT};
use crate::harness::shell::until;
use crate::harness::world::Side;
use crate::harness::{By, Spot, Test, Who, World, act, check};

/// How long turns begin under one attack, before it tells how it went.
const ROUND: Duration = Duration::from_secs(15);

/// Until an attack begins, on a busy machine.
const LONGEST_START: Duration = Duration::from_secs(60);

/// Longer than a turn that begins at the end of a round: until then the attack goes on, or it is told to end.
const LONGEST_TURN: Duration = Duration::from_secs(600);

/// From the first program that is attached until all have taken the others' place.
const LONGEST_TAKE_OVER: Duration = Duration::from_millis(2_500);

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

/// Most daemons find their own programs in force, and are killed as soon as they are ready. A few bring programs of another
/// form, as a newer version would: half of those are killed while the new programs take the others' place, half at any
/// moment of a start, which is mostly the kernel's verifying; at another moment each time.
fn killed_while_starting(world: &mut World) -> Result<()> {
    const FORMS: [&[&str]; 2] = [&["--policy", POLICY], &["--policy", POLICY, "--kernel-log", "error"]];
    let instance = instance(world)?;
    attacker(world)?;
    world.take_daemon()?.kill()?;
    let times = times(2)?;
    let forms = times / 5 + 2;
    let form = |turn: u32| turn * forms / times;
    let mut whole = None;
    under_attack(world, times, |_, turn| {
        let words = FORMS[form(turn) as usize % 2];
        let brings_others = turn > 0 && form(turn) != form(turn - 1);
        if !brings_others {
            return Daemon::start_with(words)?.kill();
        }
        if form(turn) % 2 == 1 {
            let daemon = Daemon::launch(words)?;
            until("programs are attached beside the others", LONGEST_TURN, take_over_has_begun)?;
            std::thread::sleep(LONGEST_TAKE_OVER * (form(turn) * 37 % 100) / 100);
            return daemon.kill();
        }
        let Some(whole) = whole else {
            whole = Some(replacement(words)?);
            return Ok(());
        };
        let daemon = Daemon::launch(words)?;
        // Under attack a start takes longer than one without.
        std::thread::sleep(whole * (form(turn) * 37 % 140) / 100);
        daemon.kill()
    })?;
    world.daemon()?;
    ensure!(self::instance(world)? == instance, "the agent is not who it was");
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
    world.must_allow(&format!("write {}", Spot::Tmpfs.w("f"))).map(drop)
}

/// Links are pinned beside those that they are to replace.
fn take_over_has_begun() -> Result<bool> {
    let links = fs::read_dir(format!("{PINS}/links"))?;
    Ok(links.filter_map(Result::ok).any(|link| link.file_name().as_encoded_bytes().ends_with(b"__next")))
}

/// How long a daemon takes whose programs take the place of others; it is killed when it is done.
fn replacement(manner: &[&str]) -> Result<Duration> {
    let began = Instant::now();
    let daemon = Daemon::start_with(manner)?;
    let whole = began.elapsed();
    daemon.kill()?;
    Ok(whole)
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

/// Root's agent. Where it is not there yet, a daemon is started for it.
fn attacker(world: &mut World) -> Result<&mut Actor> {
    world.actor(Side::Inside, Who::Root, By::Program)
}

/// Has root's agent write P all the time while it is done so many times. The user's stays free to be asked.
fn under_attack(
    world: &mut World,
    times: u32,
    mut once: impl FnMut(&mut World, u32) -> Result<()>,
) -> Result<()> {
    let told = format!("{MARKS}/told");
    let (begun, enough) = (format!("{told}.begun"), format!("{told}.enough"));
    let line = format!("hammer {told} {} write {}", (ROUND + LONGEST_TURN).as_secs(), Spot::Tmpfs.p());
    let mut turn = 0;
    while turn < times {
        let began = Instant::now();
        attacker(world)?.send(&act(&line).words, How::Apart)?;
        until("the attack begins", LONGEST_START, || Ok(fs::exists(&begun)?))?;
        let mut result = Ok(());
        while result.is_ok() && turn < times && began.elapsed() < ROUND {
            result = once(world, turn).with_context(|| format!("time {turn}"));
            turn += 1;
        }
        let took = began.elapsed();
        fs::write(&enough, "")?;
        let outcome = attacker(world)?.answer()?;
        for file in [&begun, &enough] {
            fs::remove_file(file)?;
        }
        result?;
        ensure!(took < ROUND + LONGEST_TURN, "the attack ended before the turns did, which took {took:?}");
        ensure!(outcome.out.contains("done 0"), "the attack succeeded: {outcome:?}");
        ensure!(!outcome.out.contains("tried 0"), "there was no attack: {outcome:?}");
        eprintln!("guard-suite: {turn} of {times} times; the attack: {}", outcome.out.trim());
    }
    ensure!(fs::read(Spot::Tmpfs.p())? == WHOLE && !fs::exists(&told)?, "P was written");
    Ok(())
}
