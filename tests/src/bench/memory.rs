//! What the kernel holds for guard: by its own account of maps and programs, and by how much its memory grew.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use guard_common::map::name;

use super::line::Line;
use super::peers::Empty;
use super::place::{AGENT, HOME};
use super::policy::PROFILE;
use super::programs::bpftool;
use crate::act::serve::How;
use crate::harness::Who;
use crate::harness::actor::Actor;
use crate::harness::fixture::ACT;
use crate::harness::guard::as_user;

/// Until what is freed late is free.
const SETTLE: Duration = Duration::from_secs(2);

/// Fields of `/proc/meminfo` for what is free, or is a file's or a process's own. What is left of the whole is the
/// kernel's; the pages of rings stand in no field of their own.
const NOT_HELD: [&str; 6] = ["MemFree:", "Buffers:", "Cached:", "SReclaimable:", "AnonPages:", "PageTables:"];

/// Bytes that the kernel holds for itself, once it has let go of what it only remembers.
pub(super) fn held() -> Result<u64> {
    std::thread::sleep(SETTLE);
    fs::write("/proc/sys/vm/drop_caches", "3")?;
    std::thread::sleep(SETTLE);
    let text = fs::read_to_string("/proc/meminfo")?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        number.with_context(|| format!("/proc/meminfo has no {name}"))
    };
    let not_held = NOT_HELD.iter().map(|name| field(name)).sum::<Result<u64>>()?;
    Ok((field("MemTotal:")? - not_held) * 1024)
}

/// Tells what is held for a policy of so many entries, where so much was held before guard came.
pub(super) fn tell(entries: usize, before: u64) -> Result<()> {
    let sum = |what: &str, is_ours: fn(&str) -> bool| -> Result<u64> {
        let all = bpftool(&[what, "show"])?;
        let rows = all.as_array().context("bpftool tells no list")?.iter();
        let ours = rows.filter(|row| row["name"].as_str().is_some_and(is_ours));
        Ok(ours.filter_map(|row| row["bytes_memlock"].as_u64()).sum())
    };
    let maps = sum("map", |known| name::ALL.iter().any(|map| shortened(map) == known))?;
    let programs = sum("prog", |known| known != Empty::NAME)?;
    let grown = held()?.cast_signed() - before.cast_signed();
    Line::Memory { entries, maps, programs, grown }.tell()
}

/// Agents that are started to tell what one takes.
const AGENTS: u32 = 32;

/// Tells what an agent takes: the growth with so many of them that wait, less that with as many processes, each with
/// a parent of its own as an agent has its launcher.
pub(super) fn tell_agents() -> Result<()> {
    // The first ones pay for the tables that all share.
    drop(crowd("rehearsal", 4, plain)?);
    let plain = grown(|| crowd("plain", AGENTS, plain))?;
    let grown = grown(|| crowd("agent", AGENTS, agent))? - plain;
    Line::Agents { agents: AGENTS, grown }.tell()
}

fn grown(start: impl Fn() -> Result<Vec<Actor>>) -> Result<i64> {
    let before = held()?;
    let crowd = start()?;
    let after = held()?;
    drop(crowd);
    Ok(after.cast_signed() - before.cast_signed())
}

fn plain(_: &str) -> Command {
    let mut command = as_user(Who::User, "sh");
    command.args(["-c", "\"$@\"; exit $?", "sh"]);
    command
}

fn agent(name: &str) -> Command {
    let mut command = as_user(Who::User, "guard");
    command.args(["run", "--agent", name, "--profile", PROFILE, "--workdir", AGENT, "--"]);
    command
}

fn crowd(name: &str, size: u32, launcher: fn(&str) -> Command) -> Result<Vec<Actor>> {
    let one = |index: u32| {
        let name = format!("{name}-{index}");
        let mut actor = Actor::start(&name, launcher(&name).args([ACT, "serve"]).env("HOME", HOME))?;
        actor.order(&["nothing".to_owned()], How::Here)?;
        Ok(actor)
    };
    (0..size).map(one).collect()
}

/// The kernel keeps fifteen bytes of a name.
fn shortened(name: &str) -> &str {
    name.get(..15).unwrap_or(name)
}
