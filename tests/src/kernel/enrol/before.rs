//! Whoever ran before a policy enrolled it: processes with threads, a container, a unit.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use guard_common::map::label::Label;
use guard_common::map::name;
use serde_json::Value;

use super::bundle::{Bundle, Runtime, inside};
use super::launcher::{LAUNCHER, write_p, writes};
use super::service::Service;
use super::{LIMIT, POLICY, Place, agent_in, free, governed, on_host, outsider, prepare};
use crate::act::serve::How;
use crate::harness::actor::Actor;
use crate::harness::fixture::ACT;
use crate::harness::guard::enter;
use crate::harness::shell::until;
use crate::harness::table::Filled;
use crate::harness::{Spot, Test, Who, World, check, guard};
use crate::kernel::apply;

pub(super) fn all() -> Vec<Test> {
    vec![
        check("processes_a_container_and_a_unit_that_ran_before_the_policy_are_agents", all_of_them),
        check("who_could_not_be_enrolled_with_the_policy_is_told_and_enrolled_as_soon_as_can_be", left_out),
    ]
}

/// Threads that wait until they are told to write P.
pub(super) struct Crowd {
    child: Child,
    out: BufReader<ChildStdout>,
    go: String,
}

impl Crowd {
    pub(super) const THREADS: usize = 6;

    pub(super) fn start() -> Result<Self> {
        let go = Spot::Tmpfs.w("go");
        let line = format!("crowd {} {go} write {}", Self::THREADS, Spot::Tmpfs.p());
        let mut command = guard::as_user(Who::User, ACT);
        let mut child = command.args(line.split(' ')).stdout(Stdio::piped()).spawn()?;
        let mut out = BufReader::new(child.stdout.take().context("no pipe")?);
        out.read_line(&mut String::new())?;
        Ok(Self { child, out, go })
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How many of them were refused.
    pub(super) fn refused(mut self) -> Result<usize> {
        std::fs::write(&self.go, "")?;
        let mut told = String::new();
        self.out.read_to_string(&mut told)?;
        self.child.wait()?;
        Ok(told.lines().filter(|line| *line == "13").count())
    }
}

/// A launcher that has started nothing yet.
fn waiting(place: &Place, who: Who) -> Result<Actor> {
    let actor = Actor::start("waiting", guard::as_user(who, "env").args([LAUNCHER, "serve"]))?;
    enter(place.path(), actor.pid())?;
    Ok(actor)
}

fn all_of_them(world: &mut World) -> Result<()> {
    world.daemon()?;
    prepare()?;
    let place = Place::make("/boxes/before")?;
    let mut process = outsider()?;
    enter(place.path(), process.pid())?;
    let bundle = Bundle::serving(Runtime::Crun, "early", "/boxes/early")?;
    let mut container = bundle.start()?;
    let service = Service::serving("guardtest-early", "")?;
    let mut unit = service.start()?;
    free(world, &mut process, &on_host())?;
    free(world, &mut container, &inside())?;
    free(world, &mut unit, &on_host())?;
    let mut launcher = waiting(&place, Who::Root)?;
    let mut pretender = waiting(&place, Who::User)?;
    // The last: what they wait for goes with every other case's files.
    let crowd = Crowd::start()?;
    enter(place.path(), crowd.pid())?;
    apply::under(POLICY, || {
        let refused = crowd.refused()?;
        ensure!(refused == Crowd::THREADS, "of {} threads {refused} were refused", Crowd::THREADS);
        for cgroup in ["/boxes/before", "/boxes/early", "/system.slice/guardtest-early.service"] {
            agent_in(cgroup)?;
        }
        governed(world, &mut process, &on_host())?;
        governed(world, &mut pretender, &on_host()).context("somebody's launcher that was there before")?;
        ensure!(
            writes(&mut launcher, &write_p(), How::Here)?,
            "the host's launcher that was there is hindered"
        );
        ensure!(
            !writes(&mut launcher, &format!("exec {ACT} {}", write_p()), How::Apart)?,
            "what it starts is free"
        );
        governed(world, &mut container, &inside())?;
        governed(world, &mut unit, &on_host())
    })
}

/// The table of cgroups has no room when the policy comes. A row that becomes free meanwhile is taken again, so that
/// another place is tried then.
fn left_out(world: &mut World) -> Result<()> {
    world.daemon()?;
    prepare()?;
    // The rows of these would leave room when they end.
    world.drop_agents();
    settled()?;
    let mut tried = (1..=TRIES).map(|number| one_left_out(world, number));
    let left_out = tried.find(|outcome| !matches!(outcome, Ok(false))).transpose();
    guard::ok(&["policy", "apply", guard::POLICY])?;
    ensure!(left_out?.is_some(), "of {TRIES} times, a row became free each time");
    Ok(())
}

/// How often a table may turn out to have room after all.
const TRIES: u32 = 5;

/// Whether somebody was left out; else a row had become free.
fn one_left_out(world: &mut World, number: u32) -> Result<bool> {
    let cgroup = format!("/boxes/left-out-{number}");
    let place = Place::make(&cgroup)?;
    let mut process = outsider()?;
    enter(place.path(), process.pid())?;
    let file = "/etc/guard/other.toml";
    std::fs::write(file, POLICY)?;
    let filled = Filled::<8, { size_of::<Label>() }>::new(name::AGENT_CGROUPS)?;
    let applied = guard::guard(&["policy", "apply", file])?;
    let status = guard::guard(&["status"])?;
    if applied.code() == 0 || status.code() == 0 {
        drop(filled);
        guard::ok(&["policy", "apply", guard::POLICY])?;
        return Ok(false);
    }
    let (applied, status) = (applied.said(), status.said());
    ensure!(applied.contains(&cgroup), "it does not say who was left out: {applied}");
    ensure!(status.contains("not for everybody"), "guard status does not say so: {status}");
    drop(filled);
    agent_in(&cgroup)?;
    governed(world, &mut process, &on_host())?;
    until("nothing is amiss", LIMIT, || Ok(guard::guard(&["status"])?.code() == 0))?;
    Ok(true)
}

/// Waits until no agent that is alive has come or gone for a while.
fn settled() -> Result<()> {
    let mut alive = Vec::new();
    let mut since = Instant::now();
    until("no agent comes or goes", LIMIT, || {
        let agents = guard::json(&["agents"])?;
        let all = agents.as_array().context("agents --json is no array")?.iter();
        let now: Vec<Value> =
            all.filter(|one| one["alive"] == true).map(|one| one["cgroup"].clone()).collect();
        if now != alive {
            alive = now;
            since = Instant::now();
        }
        Ok(since.elapsed() > Duration::from_secs(3))
    })?;
    println!("# alive: {alive:?}");
    Ok(())
}
