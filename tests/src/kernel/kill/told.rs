//! What `guard kill` tells of each mechanism, held against the kernel: the pinned maps, and the cgroup's own files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aya::maps::{Array, HashMap, Map, MapData};
use guard_common::Surface;
use guard_common::map::enrol::{AGENT_NAME_MAX, AgentName};
use guard_common::map::name;
use guard_common::map::switch::{KILL_ALL, KillMode};
use serde_json::{Value, json};

use super::recover;
use crate::harness::fixture::ACT;
use crate::harness::guard::{PINS, enter};
use crate::harness::shell::{sh, until};
use crate::harness::{Spot, Test, World, check, guard, ledger};
use crate::kernel::halt::{Agent, cgroup_of, order, pids};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("an_agents_order_is_told_as_it_stands_in_the_kernel", of_one),
        check("everybodys_order_is_told_as_it_stands_in_the_kernel", of_all),
        check("a_surface_that_is_off_is_told_as_it_stands_in_the_kernel", of_surface),
        check("what_cannot_be_frozen_in_time_is_not_called_frozen", stuck),
    ]
}

fn pinned(map: &str) -> Result<Map> {
    let data = MapData::from_pin(format!("{PINS}/maps/{map}")).with_context(|| format!("the map {map}"))?;
    Ok(Map::from_map_data(data)?)
}

fn word(map: &str, slot: u32) -> Result<u32> {
    Ok(Array::<_, u32>::try_from(&pinned(map)?)?.get(&slot, 0)?)
}

/// The word that new cgroups of an agent begin with.
fn newcomers(agent: &str) -> Result<Option<u32>> {
    let mut key: AgentName = [0; AGENT_NAME_MAX];
    key[..agent.len()].copy_from_slice(agent.as_bytes());
    Ok(HashMap::<_, AgentName, u32>::try_from(&pinned(name::HALTED)?)?.get(&key, 0).ok())
}

/// What the cgroup itself says; one that is gone is empty.
fn says(cgroup: &str, line: &str) -> bool {
    let events = fs::read_to_string(format!("{cgroup}/cgroup.events"));
    events.map_or(line == "populated 0", |text| text.lines().any(|own| own == line))
}

fn slot(cgroup: &str) -> Result<(&str, u32)> {
    let name = cgroup.rsplit('/').next().context("no name")?;
    Ok((name, name.rsplit('.').next().context("no slot")?.parse()?))
}

/// The row of a mechanism, which must be confirmed.
fn confirmed<'a>(report: &'a Value, mechanism: &str, requested: &str) -> Result<&'a str> {
    let mut rows = report["mechanisms"].as_array().context("no mechanisms")?.iter();
    let row = rows.find(|row| row["mechanism"] == mechanism);
    let row = row.with_context(|| format!("no {mechanism:?} in {report}"))?;
    ensure!(row["confirmed"] == true && row["requested"] == requested, "{mechanism}: {row}");
    row["found"].as_str().context("nothing is found")
}

/// One process in the cgroup, one that was moved out of it.
fn of_one(world: &mut World) -> Result<()> {
    let name = "told";
    world.records()?;
    // Who acts while it is to end is killed by the act.
    let _agent = Agent::start(name, &["sh", "-c", "sleep 1000 & wait"])?;
    cgroup_of(name)?;
    until("both are there", Duration::from_secs(20), || Ok(pids(name)?.len() == 2))?;
    let left = *pids(name)?.last().context("nobody is there")?;
    enter("/sys/fs/cgroup", left)?;
    let cgroup = cgroup_of(name)?;
    let (short, slot) = slot(&cgroup)?;
    ensure!(word(name::KILL, slot)? == 0 && newcomers(name)?.is_none(), "an order stands already");
    for mode in [KillMode::Freeze, KillMode::Terminate] {
        let requested = mode.name();
        let report = guard::json(&["kill", "--agent", name, "--mode", requested])?;
        ensure!(report["confirmed"] == true && report["agent"] == name, "{report}");
        let found = confirmed(&report, &format!("kill word, {short}"), requested)?;
        ensure!(found == requested && word(name::KILL, slot)? == mode.raw(), "{report}");
        ensure!(confirmed(&report, "new instances", requested)? == requested, "{report}");
        ensure!(newcomers(name)? == Some(mode.raw()), "new instances: {:?}", newcomers(name)?);
        in_cgroup(&report, &cgroup, mode)?;
        let left_lives = Path::new(&format!("/proc/{left}")).exists();
        let is_killed = mode == KillMode::Terminate;
        let (doing, elsewhere) = if is_killed {
            ("kill", "none left of 1".to_owned())
        } else {
            ("find", format!("process {left}:"))
        };
        let found = confirmed(&report, "processes elsewhere", doing)?;
        ensure!(found.starts_with(&elsewhere) && left_lives != is_killed, "it lives: {left_lives}; {report}");
        ensure!(confirmed(&report, "ledger", "record")? == "recorded", "{report}");
    }
    ensure!(word(name::KILL, KILL_ALL)? == 0, "the order is everybody's");
    let entries = world.records()?;
    let modes: Vec<&Value> = ledger::of_stage(&entries, "kill").iter().map(|kill| &kill["mode"]).collect();
    ensure!(modes == ["freeze", "terminate"], "the ledger holds {modes:?}");
    Ok(())
}

fn in_cgroup(report: &Value, cgroup: &str, mode: KillMode) -> Result<()> {
    let is_killed = mode == KillMode::Terminate;
    let (doing, state, line) =
        if is_killed { ("kill", "empty", "populated 0") } else { ("freeze", "frozen", "frozen 1") };
    let found = confirmed(report, &format!("cgroup {}", slot(cgroup)?.0), doing)?;
    ensure!(found == state && says(cgroup, line), "{cgroup} is not {line:?}: {report}");
    Ok(())
}

fn of_all(world: &mut World) -> Result<()> {
    let _agents = [Agent::start("told", &[ACT, "idle"])?, Agent::start("told-too", &[ACT, "idle"])?];
    let cgroups = [cgroup_of("told")?, cgroup_of("told-too")?];
    for mode in [KillMode::Freeze, KillMode::Terminate] {
        let requested = mode.name();
        let report = guard::json(&["kill", "--mode", requested])?;
        let found = confirmed(&report, "kill word, every agent", requested)?;
        ensure!(found == requested && word(name::KILL, KILL_ALL)? == mode.raw(), "{report}");
        cgroups.iter().try_for_each(|cgroup| in_cgroup(&report, cgroup, mode))?;
        ensure!(report["confirmed"] == true && report["agent"].is_null(), "{report}");
    }
    world.drop_agents();
    recover(None)?;
    ensure!(word(name::KILL, KILL_ALL)? == 0, "the recovery left the word");
    Ok(())
}

fn of_surface(_: &mut World) -> Result<()> {
    for (to, raw) in [("off", 1), ("on", 0)] {
        guard::ok(&["surface", "connect", to])?;
        let told = guard::json(&["surface"])?;
        ensure!(told["connect"] == json!(raw == 0), "{to}: {told}");
        let kept = word(name::SURFACES_OFF, Surface::Connect.raw().into())?;
        ensure!(kept == raw, "{to}: the map says {kept}");
    }
    Ok(())
}

/// A file system on which every write waits, uninterruptibly, until it is dropped.
struct Still(String);

impl Still {
    fn hold(mount: String) -> Result<Self> {
        sh(&format!("fsfreeze -f {mount}"))?;
        Ok(Self(mount))
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        // Whoever comes after would wait for ever, and shows it.
        let _ = sh(&format!("fsfreeze -u {}", self.0));
    }
}

fn stuck(_: &mut World) -> Result<()> {
    let (name, log) = ("stuck", Spot::Ext4.w("log"));
    let _agent = Agent::start(name, &[ACT, "beat", &log])?;
    until("it writes", Duration::from_secs(30), || Ok(fs::exists(&log)?))?;
    let still = Still::hold(Spot::Ext4.at(""))?;
    let pid = *pids(name)?.first().context("nobody is there")?;
    let stat = format!("/proc/{pid}/stat");
    until("it waits", Duration::from_secs(10), || Ok(fs::read_to_string(&stat)?.contains(") D ")))?;
    let cgroup = cgroup_of(name)?;
    let (short, slot) = slot(&cgroup)?;
    let said = guard::fails(&["kill", "--agent", name, "--json"])?;
    let is_frozen = says(&cgroup, "frozen 1");
    let report: Value = serde_json::from_str(&said.out)?;
    drop(still);
    until("it is frozen", Duration::from_secs(10), || Ok(says(&cgroup, "frozen 1")))?;
    order(name, "freeze")?;
    ensure!(!is_frozen && report["confirmed"] == false, "frozen {is_frozen}: {report}");
    let rows = report["mechanisms"].as_array().context("no mechanisms")?;
    let failed: Vec<&Value> = rows.iter().filter(|row| row["confirmed"] == false).collect();
    ensure!(failed.len() == 1 && failed[0]["mechanism"] == format!("cgroup {short}"), "{report}");
    ensure!(failed[0]["found"] == "not so after 5 s", "{report}");
    // The kernel refuses all the same.
    confirmed(&report, &format!("kill word, {short}"), "freeze")?;
    ensure!(word(name::KILL, slot)? == KillMode::Freeze.raw(), "the word is not set");
    Ok(())
}
