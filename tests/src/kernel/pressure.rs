//! An agent that takes all memory and all processes that it can get, and a daemon that there is no memory for.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guard_common::Reason;
use serde_json::Value;

use crate::act::serve::Outcome;
use crate::harness::fixture::{self, WHOLE};
use crate::harness::guard::enter;
use crate::harness::shell::until;
use crate::harness::world::Side;
use crate::harness::{Act, By, Spot, Test, Who, World, act, check, guard};

const CGROUPS: &str = "/sys/fs/cgroup";
/// Of guard's own agents.
const GUARDS: &str = "/sys/fs/cgroup/guard";
/// How long the kernel may take to end somebody.
const END_LIMIT: Duration = Duration::from_secs(30);
/// Memory that an agent may take, and less than it tries to: bytes and megabytes.
const MEMORY: &str = "100000000";
const DEVOURED: u32 = 400;
/// Processes that an agent may have, and fewer than it tries to.
const PROCESSES: &str = "150";
const CROWD: u32 = 400;

pub(super) fn all() -> Vec<Test> {
    vec![
        check("when_memory_runs_out_the_daemon_goes_after_its_agents", last_to_go),
        check("an_agent_that_takes_all_memory_is_refused_to_the_end_and_ends_alone", devoured),
        check("an_agent_that_has_all_processes_it_may_is_refused_in_each", crowded),
        check("a_daemon_that_there_is_no_memory_for_leaves_enforcement_in_force", without_memory),
    ]
}

fn last_to_go(world: &mut World) -> Result<()> {
    let pid = world.daemon()?.pid();
    let daemon: i32 = fs::read_to_string(format!("/proc/{pid}/oom_score_adj"))?.trim().parse()?;
    let told = world.inside("read /proc/self/oom_score_adj")?;
    let agent: i32 = told.out.trim().parse().with_context(|| format!("{told:?}"))?;
    ensure!(daemon == -900 && agent >= 0, "the daemon's place is {daemon}, and its agent's {agent}");
    Ok(())
}

fn devoured(world: &mut World) -> Result<()> {
    let devour = |megabytes| act(&format!("!containment.descendant.devour {megabytes} {}", Spot::Tmpfs.p()));
    works_outside(world, &devour(8), "devoured 0")?;
    let (limits, outcome) = limited(world, "memory", MEMORY, &devour(DEVOURED))?;
    ensure!(outcome.signal == 9, "with {MEMORY} bytes it ended with {outcome:?}");
    let events = fs::read_to_string(format!("{limits}/memory.events"))?;
    ensure!(!events.contains("oom_kill 0"), "nobody was ended for want of memory: {events}");
    unharmed(world)
}

fn crowded(world: &mut World) -> Result<()> {
    let crowd = act(&format!("!containment.descendant.crowd {CROWD} {}", Spot::Tmpfs.p()));
    works_outside(world, &crowd, &format!("born {CROWD} 0"))?;
    let (_, outcome) = limited(world, "pids", PROCESSES, &crowd)?;
    let born = outcome.out.trim().strip_prefix("born ").and_then(|told| told.strip_suffix(" 13"));
    let born: u32 = born.with_context(|| format!("it ended with {outcome:?}"))?.parse()?;
    ensure!((50..CROWD).contains(&born), "of {CROWD} processes {born} were born");
    unharmed(world)
}

/// The control: nobody refuses it, and P is changed.
fn works_outside(world: &mut World, act: &Act, says: &str) -> Result<()> {
    let outcome = world.perform(Side::Outside, Who::Root, act)?;
    ensure!(outcome.out.trim() == says, "control: it ended with {outcome:?}");
    ensure!(fs::read(Spot::Tmpfs.p())? != WHOLE, "control: P is as it was");
    fixture::reset(Spot::Tmpfs)
}

/// An act in root's agent, whose cgroup may take so much of something; tells the cgroup, too.
fn limited(world: &mut World, what: &str, most: &str, act: &Act) -> Result<(String, Outcome)> {
    world.perform(Side::Inside, Who::Root, &crate::harness::act("!os.getpid"))?;
    let cgroup = cgroup_of("suite-root-python")?;
    for above in [CGROUPS, GUARDS] {
        fs::write(format!("{above}/cgroup.subtree_control"), format!("+{what}"))?;
    }
    let limit = format!("{cgroup}/{what}.max");
    fs::write(&limit, most)?;
    let outcome = world.perform(Side::Inside, Who::Root, act);
    fs::write(&limit, "max")?;
    Ok((cgroup, outcome?))
}

fn cgroup_of(name: &str) -> Result<String> {
    let agents = guard::json(&["agents"])?;
    let is_it = |agent: &&Value| agent["alive"] == true && agent["instance"]["agent"] == name;
    let agent = agents.as_array().and_then(|all| all.iter().find(is_it)).context("no such agent")?;
    let told = fs::read_to_string(format!("/proc/{}/cgroup", agent["pids"][0]))?;
    let path = told.trim().strip_prefix("0::").with_context(|| format!("no cgroup in {told:?}"))?;
    Ok(format!("{CGROUPS}{path}"))
}

/// P is as it was, the daemon and everybody else go on, and so do the agents.
fn unharmed(world: &mut World) -> Result<()> {
    ensure!(fs::read(Spot::Tmpfs.p())? == WHOLE, "P was written");
    ensure!(guard::json(&["status"])?["enforcing"] == true, "guard does not enforce");
    let outside = world.perform(Side::Outside, Who::User, &act(&format!("write {}", Spot::Tmpfs.p())))?;
    ensure!(outside.code == 0, "outside P cannot be written: {outside:?}");
    for by in [By::Program, By::Python] {
        let nothing = act(if by == By::Python { "!os.getpid" } else { "nothing" });
        let outcome = world.perform(Side::Inside, Who::Root, &nothing)?;
        ensure!(outcome.code == 0, "the agent is gone: {outcome:?}");
    }
    world.must_allow(&format!("write {}", Spot::Tmpfs.w("f")))?;
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p())).map(drop)
}

/// Where the daemon is put that there is no memory for.
const NARROW: &str = "/sys/fs/cgroup/guardtest-narrow";

/// The kernel ends it, wherever its place is: there is nobody else.
fn without_memory(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    world.records()?;
    fs::write(format!("{CGROUPS}/cgroup.subtree_control"), "+memory")?;
    fs::create_dir_all(NARROW)?;
    enter(NARROW, world.daemon()?.pid())?;
    fs::write(format!("{NARROW}/memory.max"), "4096")?;
    let ended = until("the kernel ends the daemon", END_LIMIT, || {
        // Whoever asks it something makes it take memory.
        drop(guard::guard(&["status"])?);
        Ok(fs::read_to_string(format!("{NARROW}/memory.events"))?.contains("oom_kill 1"))
    });
    let refused = world.inside_only(&format!("write {}", Spot::Tmpfs.p()));
    let allowed = world.must_still_allow(&format!("write {}", Spot::Tmpfs.w("f")));
    let killed = world.take_daemon()?.kill();
    world.daemon()?;
    ended.and(killed)?;
    let refused = refused?;
    ensure!(refused.code == nix::libc::EACCES, "without a daemon: {refused:?}");
    allowed?;
    world.refusal_of(&refused, Reason::NoEdge).map(drop)
}
