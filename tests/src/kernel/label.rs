//! Who is an agent: by entering its cgroup, with every thread, and for good.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::harness::case::act;
use crate::harness::fixture::ACT;
use crate::harness::world::Side;
use crate::harness::{Spot, Test, Who, World, check, guard, ledger};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_process_that_enters_the_cgroup_becomes_the_agent", entering),
        check("every_thread_of_an_entering_process_becomes_the_agent", entering_with_threads),
        check("what_an_entered_process_started_later_is_the_agent", child_of_entered),
        check("two_instances_have_two_labels", two_instances),
    ]
}

/// The folder of the user's agent in the cgroup file system.
pub(super) fn cgroup_of_agent(world: &mut World) -> Result<String> {
    let told = world.perform(Side::Inside, Who::User, &act("self"))?.out;
    let path = told.trim().strip_prefix("0::").with_context(|| format!("no cgroup in {told:?}"))?;
    Ok(format!("/sys/fs/cgroup{path}"))
}

/// Moves a process, as root outside may.
pub(super) fn enter(cgroup: &str, pid: u32) -> Result<()> {
    let procs = format!("{cgroup}/cgroup.procs");
    std::fs::write(&procs, pid.to_string()).with_context(|| format!("cannot write {procs}"))
}

fn entering(world: &mut World) -> Result<()> {
    let cgroup = cgroup_of_agent(world)?;
    let write = act(&format!("write {}", Spot::Tmpfs.p()));
    let mut outsider = guard::outsider(Who::User, false)?;
    ensure!(outsider.perform(&write.words)?.code == 0, "control: outside it could not write");
    world.records()?;
    enter(&cgroup, outsider.pid())?;
    let entries = world.records()?;
    let entered = ledger::of_stage(&entries, "enter");
    let one = entered
        .iter()
        .find(|record| record["process"]["pid"] == outsider.pid())
        .context("nobody is recorded to have entered")?;
    let mover = (ledger::number(&one["by"]["process"]["pid"]), ledger::number(&one["by"]["uid"]));
    ensure!(
        one["instance"]["agent"] == "suite-user" && mover == (Some(std::process::id().into()), Some(0)),
        "who entered, and who moved it, is told wrongly: {one}"
    );
    let outcome = outsider.perform(&write.words)?;
    ensure!(outcome.code == nix::libc::EACCES, "in the agent's cgroup: {outcome:?}");
    enter("/sys/fs/cgroup", outsider.pid())?;
    let outcome = outsider.perform(&write.words)?;
    ensure!(outcome.code == nix::libc::EACCES, "out of the agent's cgroup again: {outcome:?}");
    Ok(())
}

/// With the daemon dead: nobody walks its threads, the programs themselves have to find each.
fn entering_with_threads(world: &mut World) -> Result<()> {
    let cgroup = cgroup_of_agent(world)?;
    world.take_daemon()?.kill()?;
    let refused = refused_of_six(&cgroup);
    world.daemon()?;
    let refused = refused?;
    ensure!(refused == 6, "of 6 threads, {refused} were refused");
    Ok(())
}

fn refused_of_six(cgroup: &str) -> Result<usize> {
    let go = Spot::Tmpfs.w("go");
    let line = format!("crowd 6 {go} write {}", Spot::Tmpfs.p());
    let mut crowd = guard::as_user(Who::User, ACT).args(line.split(' ')).stdout(Stdio::piped()).spawn()?;
    let mut out = BufReader::new(crowd.stdout.take().context("no pipe")?);
    let mut ready = String::new();
    out.read_line(&mut ready)?;
    ensure!(ready == "ready\n", "the crowd said {ready:?}");
    enter(cgroup, crowd.id())?;
    std::fs::write(&go, "")?;
    let mut told = String::new();
    out.read_to_string(&mut told)?;
    crowd.wait()?;
    Ok(told.lines().filter(|line| *line == "13").count())
}

fn child_of_entered(world: &mut World) -> Result<()> {
    let cgroup = cgroup_of_agent(world)?;
    let mut outsider = guard::outsider(Who::User, false)?;
    enter(&cgroup, outsider.pid())?;
    let outcome = outsider.perform(&act(&format!("generation 2 write {}", Spot::Tmpfs.p())).words)?;
    ensure!(outcome.code == nix::libc::EACCES, "a grandchild: {outcome:?}");
    Ok(())
}

fn two_instances(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    world.perform(Side::Inside, Who::Root, &act("nothing"))?;
    let agents = guard::json(&["agents"])?;
    let agents = agents.as_array().context("agents --json is no array")?;
    let slot = |name: &str| {
        let mut living =
            agents.iter().filter(|agent| agent["alive"] == true && agent["instance"]["agent"] == name);
        living.next().map(|agent| agent["instance"]["slot"].clone())
    };
    let (user, root) = (slot("suite-user"), slot("suite-root"));
    ensure!(user.is_some() && root.is_some() && user != root, "slots {user:?} and {root:?} in {agents:?}");
    Ok(())
}
