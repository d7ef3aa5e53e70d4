//! Who is an agent: by entering its cgroup, with every thread, and for good.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::act::serve::How;
use crate::harness::fixture::ACT;
use crate::harness::guard::enter;
use crate::harness::world::Side;
use crate::harness::{By, Spot, Test, Who, World, act, check, guard, ledger};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_process_that_enters_the_cgroup_becomes_the_agent", entering),
        check("every_thread_of_an_entering_process_becomes_the_agent", entering_with_threads),
        check("what_an_entered_process_started_later_is_the_agent", child_of_entered),
        check("two_instances_have_two_labels", two_instances),
        check("the_label_stays_when_the_cgroup_is_left", moved_out),
    ]
}

fn entering(world: &mut World) -> Result<()> {
    let cgroup = world.cgroup_of_agent(Who::User)?;
    let write = act(&format!("write {}", Spot::Tmpfs.p()));
    let mut outsider = guard::outsider(Who::User, By::Program)?;
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
    let cgroup = world.cgroup_of_agent(Who::User)?;
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
    let cgroup = world.cgroup_of_agent(Who::User)?;
    let mut outsider = guard::outsider(Who::User, By::Program)?;
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

/// Someone outside moves the agent to the root cgroup: it is an agent all the same.
fn moved_out(world: &mut World) -> Result<()> {
    let own = act("self");
    let before = world.cgroup_of_agent(Who::User)?;
    let nothing = [String::from("nothing")];
    let pid = world.actor(Side::Inside, Who::User, By::Program)?.order(&nothing, How::Here)?.tid;
    enter("/sys/fs/cgroup", pid)?;
    let after = world.perform(Side::Inside, Who::User, &own)?.out;
    let outcome = world.inside(&format!("write {}", Spot::Tmpfs.p()))?;
    enter(&before, pid)?;
    ensure!(after.trim() == "0::/", "the agent did not leave its cgroup {before}: {after}");
    ensure!(outcome.code == nix::libc::EACCES, "outside its cgroup: {outcome:?}");
    Ok(())
}
