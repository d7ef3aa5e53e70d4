//! One promise of each primitive that judges so far, seen from outside.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guard_common::Reason;

use crate::act::serve::How;
use crate::harness::fixture::USER;
use crate::harness::server::D4;
use crate::harness::shell::until;
use crate::harness::world::Side;
use crate::harness::{By, Spot, Test, Who, World, act, check, guard, ledger};

/// How long the end of an agent may take to be known.
const END_LIMIT: Duration = Duration::from_secs(20);

/// Every case of this folder.
pub fn all() -> Vec<Test> {
    let tests = vec![
        check("kill_switch_is_the_reason_before_any_edge", kill_switch),
        check("a_surface_that_is_off_is_the_reason_before_any_edge", surface_off),
        check("identity_binding_takes_nobodys_word_for_who_acts", identity_binding),
        check("network_boundary_names_the_zone_that_was_not_entered", network_boundary),
        check("signed_audit_holds_every_order_with_who_gave_it", signed_audit),
    ];
    tests.into_iter().map(|test| test.under("primitives")).collect()
}

/// What the policy would have refused anyway is refused for the kill switch's sake. The agent is moved out of its
/// cgroup: frozen with it, it could try nothing.
fn kill_switch(world: &mut World) -> Result<()> {
    let name = "condemned";
    let mut agent = guard::agent(Who::User, name, By::Program)?;
    let pid = agent.order(&act("nothing").words, How::Here)?.tid;
    std::fs::write("/sys/fs/cgroup/cgroup.procs", pid.to_string())?;
    let write = act(&format!("write {}", Spot::Tmpfs.p())).words;
    world.records()?;
    guard::ok(&["kill", "--agent", name, "--mode", "freeze"])?;
    let killed = agent.order(&write, How::Here);
    let reason = killed.and_then(|outcome| world.refusal_of(&outcome, Reason::KillSwitchAgent));
    guard::ok(&["recover", "--agent", name, "--note", "told by the suite"])?;
    reason?;
    let recovered = agent.order(&write, How::Here)?;
    world.refusal_of(&recovered, Reason::NoEdge).map(drop)
}

/// The same for a surface's switch, which stands before the edges too.
fn surface_off(world: &mut World) -> Result<()> {
    world.records()?;
    guard::ok(&["surface", "write", "off"])?;
    let outcome = world.inside(&format!("write {}", Spot::Tmpfs.p()));
    guard::ok(&["surface", "write", "on"])?;
    world.refusal_of(&outcome?, Reason::SurfaceOff).map(drop)
}

/// The agent renames its process and its thread; the record says who the kernel knows.
fn identity_binding(world: &mut World) -> Result<()> {
    world.records()?;
    let write = format!("named systemd write {}", Spot::Tmpfs.p());
    let outcome = world.must_refuse(&write)?;
    let entries = world.records()?;
    let refused = ledger::refusals(&entries).into_iter().find(|refused| refused.tid == outcome.tid);
    let refused = refused.context("the refusal is not recorded")?;
    ensure!(refused.agent == "suite-user" && refused.uid == USER, "the record says {refused:?}");
    let as_root = world.perform(Side::Inside, Who::Root, &act(&format!("write {}", Spot::Tmpfs.p())))?;
    let entries = world.records()?;
    let refused = ledger::refusals(&entries).into_iter().find(|refused| refused.tid == as_root.tid);
    let refused = refused.context("root's refusal is not recorded")?;
    ensure!(refused.agent == "suite-root" && refused.uid == 0, "the record says {refused:?}");
    Ok(())
}

fn network_boundary(world: &mut World) -> Result<()> {
    for (line, zone) in [
        (format!("write {}", Spot::Ext4.p()), "kept"),
        (format!("read {}", Spot::Ext4.s()), "secret"),
        (format!("exec {} true", Spot::Ext4.x()), "forbidden"),
        (format!("udp {D4}"), "elsewhere"),
    ] {
        let outcome = world.must_refuse(&line)?;
        let record = world.refusal_of(&outcome, Reason::NoEdge)?;
        ensure!(record.zone == zone, "`{line}` should name {zone}: {record:?}");
    }
    Ok(())
}

fn signed_audit(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    world.records()?;
    guard::ok(&["surface", "tool", "off"])?;
    guard::ok(&["surface", "tool", "on"])?;
    guard::ok(&["policy", "apply", guard::POLICY])?;
    let agent = guard::agent(Who::User, "witness", By::Program)?;
    guard::ok(&["kill", "--agent", "witness", "--mode", "terminate"])?;
    drop(agent);
    guard::ok(&["recover", "--agent", "witness", "--note", "told by the suite"])?;
    let mut entries = world.records()?;
    // It is noticed by itself, after the last of its processes was reaped.
    until("the agent's end stands in the ledger", END_LIMIT, || {
        entries.extend(world.records()?);
        Ok(!ledger::of_stage(&entries, "exit").is_empty())
    })?;
    for (stage, least) in
        [("surface", 2), ("policy", 1), ("launch", 1), ("exit", 1), ("kill", 1), ("recover", 1)]
    {
        let found = ledger::of_stage(&entries, stage);
        ensure!(found.len() >= least, "{} records of stage {stage}, not {least}", found.len());
        let by_root =
            found.iter().all(|record| stage == "exit" || stage == "launch" || record["by"]["uid"] == 0);
        ensure!(by_root, "who gave the order is not told: {found:?}");
    }
    let launch = ledger::of_stage(&entries, "launch");
    ensure!(launch.iter().all(|record| record["by"]["uid"] == USER), "who launched is not told: {launch:?}");
    let recover = ledger::of_stage(&entries, "recover");
    ensure!(recover[0]["note"] == "told by the suite", "the note is not told: {recover:?}");
    Ok(())
}
