//! The daemon's end, of every kind: enforcement goes on, and the next daemon takes it up.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guard_common::Reason;
use nix::sys::signal::Signal;

use crate::harness::guard::{Daemon, POLICY, enter, refused_daemon};
use crate::harness::shell::{end, until};
use crate::harness::world::Side;
use crate::harness::{By, Spot, Test, Who, World, act, check, fixture, guard, ledger};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("what_is_refused_without_a_daemon_is_recorded_by_the_next", recorded_later),
        check("a_stopped_daemon_holds_up_nobody_and_tells_later", stopped),
        check("the_next_daemon_adopts_what_is_in_force", adopts),
        check("a_daemon_that_ends_in_order_leaves_enforcement_in_force", ends_in_order),
        check("where_agents_may_write_the_daemons_own_programs_stay_as_they_are", programs_stay),
        check("a_second_daemon_is_refused_and_the_first_goes_on", second_daemon),
        check("a_cgroup_that_vanishes_disturbs_nobody", vanished_cgroup),
        check("whoever_is_in_a_cgroup_of_guards_that_nobody_knows_is_refused_everything", stray),
        check("a_daemon_in_a_namespace_of_its_own_is_refused", own_namespace),
    ]
}

fn recorded_later(world: &mut World) -> Result<()> {
    world.records()?;
    world.take_daemon()?.kill()?;
    let outcome = world.inside_only(&format!("write {}", Spot::Tmpfs.p()))?;
    let allowed = world.inside_only(&format!("write {}", Spot::Tmpfs.w("f")))?;
    world.daemon()?;
    ensure!(outcome.code == nix::libc::EACCES, "without a daemon: {outcome:?}");
    ensure!(allowed.code == 0, "without a daemon what is allowed fails: {allowed:?}");
    let entries = world.records()?;
    let own = ledger::refusals(&entries).into_iter().filter(|refused| refused.tid == outcome.tid).count();
    ensure!(own == 1, "{own} records of a refusal that was made without a daemon");
    Ok(())
}

fn stopped(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    world.records()?;
    world.daemon()?.signal(Signal::SIGSTOP)?;
    let refused = world.inside_only(&format!("write {}", Spot::Tmpfs.p()));
    let allowed = world.must_still_allow(&format!("write {}", Spot::Tmpfs.w("f")));
    world.daemon()?.signal(Signal::SIGCONT)?;
    let refused = refused?;
    ensure!(refused.code == nix::libc::EACCES, "with a stopped daemon: {refused:?}");
    allowed?;
    world.refusal_of(&refused, Reason::NoEdge).map(drop)
}

fn adopts(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    world.records()?;
    world.take_daemon()?.kill()?;
    world.daemon()?;
    let agents = guard::json(&["agents"])?;
    let known =
        |agent: &&serde_json::Value| agent["alive"] == true && agent["instance"]["agent"] == "suite-user";
    ensure!(agents.as_array().is_some_and(|all| all.iter().any(|agent| known(&agent))), "it lists {agents}");
    let entries = world.records()?;
    let starts = ledger::of_stage(&entries, "start");
    let start = starts.last().context("no start is recorded")?;
    ensure!(start["adopted"] == true, "the record of the start says {start}");
    Ok(())
}

fn ends_in_order(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    world.records()?;
    let status = world.take_daemon()?.stop()?;
    let refused = world.inside_only(&format!("write {}", Spot::Tmpfs.p()))?;
    let said = guard::fails(&["status"])?.said();
    world.daemon()?;
    ensure!(status.success(), "after SIGTERM it ended with {status}");
    ensure!(refused.code == nix::libc::EACCES, "after its end: {refused:?}");
    ensure!(said.contains("daemon"), "`guard status` without a daemon says {said:?}");
    let stops = ledger::of_stage(&world.records()?, "stop").len();
    ensure!(stops == 1, "{stops} ends are recorded");
    Ok(())
}

fn programs_stay(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    let own = std::env::current_exe()?;
    let folder = Spot::Tmpfs.w("programs");
    fixture::folder(&folder)?;
    let [daemon, guard, other] = ["guardd", "guard", "other"].map(|name| format!("{folder}/{name}"));
    for (program, copy) in [("guardd", &daemon), ("guard", &guard), ("guard-act", &other)] {
        fs::copy(own.with_file_name(program), copy)?;
        fixture::give(copy.as_ref(), 0o777)?;
    }
    let attacks = |program: &str| [format!("write {program}"), format!("rename {program} {program}.old")];
    world.take_daemon()?.kill()?;
    world.put_daemon(Daemon::start_copy(&daemon)?);
    for attack in
        [attacks(&guard), [format!("unlink {daemon}"), format!("rename {folder} {folder}.old")]].concat()
    {
        world.must_refuse(&attack)?;
    }
    for allowed in attacks(&other) {
        world.must_allow(&allowed)?;
    }
    for control in attacks(&guard) {
        let outcome = world.perform(Side::Outside, Who::User, &act(&control))?;
        ensure!(outcome.code == 0, "control: `{control}` ended with {outcome:?}");
    }
    world.take_daemon()?.kill()?;
    world.daemon().map(drop)
}

fn second_daemon(world: &mut World) -> Result<()> {
    let first = world.daemon()?.pid();
    let second = refused_daemon(&["--policy", POLICY])?;
    ensure!(second.code() > 0, "a second daemon ended with {}", second.status);
    ensure!(
        second.said().contains(&first.to_string()),
        "it does not name the first ({first}): {}",
        second.said()
    );
    let elsewhere = refused_daemon(&["--run", "/tmp/other-run", "--state", "/tmp/other-state"])?;
    ensure!(elsewhere.code() > 0, "a second daemon with other folders ended with {}", elsewhere.status);
    ensure!(elsewhere.said().contains("another guardd"), "it does not say why: {}", elsewhere.said());
    guard::ok(&["status"])?;
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p())).map(drop)
}

/// Its processes are moved away, and the folder is removed, by somebody who tidies up.
fn vanished_cgroup(world: &mut World) -> Result<()> {
    let mut agent = guard::agent(Who::User, "vanishing", By::Program)?;
    let own = agent.perform(&act("self").words)?.out;
    let cgroup = format!("/sys/fs/cgroup{}", own.trim().trim_start_matches("0::"));
    for pid in fs::read_to_string(format!("{cgroup}/cgroup.procs"))?.lines() {
        enter("/sys/fs/cgroup", pid.parse()?)?;
    }
    fs::remove_dir(&cgroup).with_context(|| format!("cannot remove {cgroup}"))?;
    std::thread::sleep(Duration::from_millis(300));
    let refused = agent.perform(&act(&format!("write {}", Spot::Tmpfs.p())).words)?;
    ensure!(refused.code == nix::libc::EACCES, "without its cgroup: {refused:?}");
    guard::ok(&["status"])?;
    guard::ok(&["agents"])?;
    world.must_allow(&format!("write {}", Spot::Tmpfs.w("f"))).map(drop)
}

/// As an agent whose state file is lost and whose row in the kernel is gone. The daemon after the next finds a row.
fn stray(world: &mut World) -> Result<()> {
    let cgroup = "/sys/fs/cgroup/guard/stray.77";
    world.take_daemon()?.kill()?;
    fs::create_dir(cgroup).with_context(|| format!("cannot make {cgroup}"))?;
    let mut actor = guard::outsider(Who::User, By::Program)?;
    enter(cgroup, actor.pid())?;
    let write = act(&format!("write {}", Spot::Tmpfs.w("f")));
    let free = actor.perform(&write.words)?;
    ensure!(free.code == 0, "control: it ended with {free:?}");
    for _ in 0..2 {
        world.put_daemon(Daemon::start_lacking(&["--policy", POLICY], "belongs to no agent that is known")?);
        let refused = actor.perform(&write.words)?;
        ensure!(refused.code == nix::libc::EACCES, "it ended with {refused:?}");
        world.take_daemon()?.kill()?;
    }
    world.put_daemon(Daemon::start_lacking(&["--policy", POLICY], "belongs to no agent that is known")?);
    drop(actor);
    until("its cgroup is gone", Duration::from_secs(20), || Ok(!fs::exists(cgroup)?))?;
    guard::ok(&["status"])?;
    world.must_allow(&format!("write {}", Spot::Tmpfs.w("f"))).map(drop)
}

/// It says so before it asks whether another daemon runs.
fn own_namespace(world: &mut World) -> Result<()> {
    world.daemon()?;
    for kind in ["pid", "cgroup"] {
        let mut command = Command::new("unshare");
        let said = end(command.args([&format!("--{kind}"), "--fork", "guardd", "--policy", POLICY]))?;
        ensure!(said.code() > 0, "it ended with {}", said.status);
        let wanted = format!("a {kind} namespace of its own");
        ensure!(said.said().contains(&wanted), "it does not say why: {}", said.said());
    }
    guard::ok(&["doctor"]).map(drop)
}
