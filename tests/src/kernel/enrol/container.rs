//! Containers, by the runtimes that Debian has: each starts unhindered, and what runs in it is the agent from its
//! first instruction on.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::bundle::{Bundle, Runtime, inside};
use super::{LIMIT, agent_in, ended, free, gone, governed, refusals};
use crate::harness::fixture::{self, WHOLE};
use crate::harness::shell::{end, end_within, until};
use crate::harness::{Spot, Test, World, check, guard, ledger};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("what_runs_and_is_executed_in_a_container_of_crun_is_the_agent", |world| {
            governed_in(world, Runtime::Crun)
        }),
        check("what_runs_and_is_executed_in_a_container_of_runc_is_the_agent", |world| {
            governed_in(world, Runtime::Runc)
        }),
        check("an_image_with_a_runtime_of_its_own_starts_the_agent", own_runtime),
        check("a_container_that_starts_its_runtime_again_is_the_agent", runtime_again),
        check("a_container_is_halted_by_its_name_and_so_is_the_next_of_that_name", halted),
    ]
}

fn governed_in(world: &mut World, runtime: Runtime) -> Result<()> {
    world.records()?;
    let control = Bundle::serving(runtime, "free", "/boxes/free")?;
    let mut outside = control.start()?;
    free(world, &mut outside, &inside())?;
    let bundle = Bundle::serving(runtime, "boxed", "/boxes/boxed")?;
    let mut actor = bundle.start()?;
    governed(world, &mut actor, &inside())?;
    // Its own files, and those that every program needs.
    for line in
        ["create /tmp/own", "exec /bin/guard-act nothing", "read /proc/self/status", "write /dev/null"]
    {
        let outcome = actor.perform(&crate::harness::act(line).words)?;
        ensure!(outcome.code == 0, "over-blocked: `{line}` ended with {outcome:?}");
    }
    let agent = agent_in("/boxes/boxed")?;
    ensure!(
        agent["instance"]["agent"] == "boxed" && agent["instance"]["profile"] == "boxed",
        "guard agents says {agent}"
    );
    let entries = world.records()?;
    let denied = refusals(&entries, "boxed");
    ensure!(denied.len() == 4, "instead of four refusals it has {denied:?}");
    let file = denied.iter().find(|refused| refused.zone == "kept").context("none in zone kept")?;
    ensure!(file.object.ends_with("/pd/p"), "the object of {file:?}");
    executed(&control, &bundle)?;
    drop(actor);
    drop(bundle);
    gone("/boxes/boxed")
}

/// The same for what is started in a container that runs.
fn executed(control: &Bundle, bundle: &Bundle) -> Result<()> {
    fixture::reset(Spot::Tmpfs)?;
    let write = ["/bin/guard-act", "write", "/pd/p"];
    let ended = end_within(&mut bundle.exec(&write), LIMIT)?;
    ensure!(ended.code() == nix::libc::EACCES, "it ended with {}: {}", ended.code(), ended.said());
    ensure!(fs::read(Spot::Tmpfs.p())? == WHOLE, "P was written");
    let ended = end_within(&mut bundle.exec(&["/bin/guard-act", "write", "/w/f"]), LIMIT)?;
    ensure!(ended.code() == 0, "over-blocked: {}", ended.said());
    let ended = end_within(&mut control.exec(&write), LIMIT)?;
    ensure!(ended.code() == 0, "control: {}", ended.said());
    ensure!(fs::read(Spot::Tmpfs.p())? != WHOLE, "control: P was not written");
    Ok(())
}

/// The image brings a program of a launcher's name, and starts that.
fn own_runtime(_: &mut World) -> Result<()> {
    let words = ["/bin/crun", "exec", "/bin/crun", "write", "/pd/p"];
    let bundle = Bundle::with(Runtime::Crun, "boxed", "/boxes/boxed", &words)?;
    let ended = end_within(&mut bundle.run(), LIMIT)?;
    ensure!(ended.code() == nix::libc::EACCES, "it ended with {}: {}", ended.code(), ended.said());
    ensure!(fs::read(Spot::Tmpfs.p())? == WHOLE, "P was written");
    Ok(())
}

/// The image's program leads back to the runtime, which is a launcher's own file: it would load the image's libraries.
fn runtime_again(world: &mut World) -> Result<()> {
    world.records()?;
    let bundle = Bundle::with(Runtime::Crun, "boxed", "/boxes/boxed", &["/bin/self", "--version"])?;
    let _ = end_within(&mut bundle.run(), LIMIT)?;
    let entries = world.records()?;
    // The host's file is in a zone that may be run, so it was started: as the agent, or refused as the agent.
    let agent = |record: &&serde_json::Value| record["instance"]["agent"] == "boxed";
    let entered = ledger::of_stage(&entries, "enter").into_iter().filter(agent).count();
    let started = ledger::of_stage(&entries, "enforce").into_iter().filter(agent).count();
    ensure!(entered == 1 && started > 0, "{entered} entered and {started} verdicts were made about it");
    Ok(())
}

fn halted(world: &mut World) -> Result<()> {
    let bundle = Bundle::serving(Runtime::Crun, "one", "/named/one")?;
    let mut actor = bundle.start()?;
    agent_in("/named/one")?;
    let pid = pid_in("/named/one")?;
    guard::ok(&["kill", "--agent", "coder", "--mode", "terminate"])?;
    let result = (|| {
        until("its process is gone", LIMIT, || Ok(ended(pid)))?;
        drop(actor.finish());
        refused_start("two", "/named/two")
    })();
    guard::ok(&["recover", "--agent", "coder", "--note", "the suite goes on"])?;
    result?;
    let next = Bundle::serving(Runtime::Crun, "three", "/named/three")?;
    governed(world, &mut next.start()?, &inside())
}

/// Its program does not start.
pub(super) fn refused_start(name: &str, cgroup: &str) -> Result<()> {
    let bundle = Bundle::with(Runtime::Crun, name, cgroup, &["/bin/guard-act", "create", "/w/by-halted"])?;
    let ended = end(&mut bundle.run())?;
    ensure!(ended.code() != 0, "a new container of a halted agent ran: {}", ended.said());
    ensure!(!fs::exists(Spot::Tmpfs.w("by-halted"))?, "a new container of a halted agent acted");
    Ok(())
}

pub(super) fn pid_in(cgroup: &str) -> Result<u32> {
    let pids = fs::read_to_string(format!("{}{cgroup}/cgroup.procs", super::CGROUPS))?;
    pids.lines().next().context("nobody is in it")?.parse().context("no process id")
}
