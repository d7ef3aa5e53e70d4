//! The surface switches: one order takes a class of action from every agent.

use anyhow::Result;
use guard_common::Reason;

use crate::harness::fixture::PROGRAM;
use crate::harness::server::{A4, A6};
use crate::harness::{By, Spot, Test, World, check, guard};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("write_is_off_at_once_and_on_again", write),
        check("read_is_off_at_once_and_on_again", read),
        check("connect_is_off_at_once_and_on_again", connect),
        check("exec_is_off_at_once_and_on_again", exec),
        check("a_switch_is_over_all_edges_and_outlives_the_daemon", outlives),
    ]
}

fn switched(world: &mut World, surface: &str, acts: &[String]) -> Result<()> {
    for act in acts {
        world.must_allow(act)?;
    }
    guard::ok(&["surface", surface, "off"])?;
    let result = refused(world, acts);
    guard::ok(&["surface", surface, "on"])?;
    result?;
    // Reset: the acts have changed what they act on.
    Spot::ALL.into_iter().try_for_each(crate::harness::fixture::reset)?;
    acts.iter().try_for_each(|act| world.must_allow(act).map(drop))
}

fn refused(world: &mut World, acts: &[String]) -> Result<()> {
    Spot::ALL.into_iter().try_for_each(crate::harness::fixture::reset)?;
    for act in acts {
        let outcome = world.must_refuse(act)?;
        world.refusal_of(&outcome, Reason::SurfaceOff)?;
    }
    Ok(())
}

fn write(world: &mut World) -> Result<()> {
    let w = |name| Spot::Tmpfs.w(name);
    let acts = [
        format!("write {}", w("f")),
        format!("create {}", w("new")),
        format!("mkdir {}", w("folder")),
        format!("unlink {}", w("f2")),
        format!("rename {} {}", w("f"), w("g")),
    ];
    switched(world, "write", &acts)
}

fn read(world: &mut World) -> Result<()> {
    switched(world, "read", &[format!("read {}", Spot::Tmpfs.w("f")), format!("read {}", Spot::Tmpfs.p())])
}

fn connect(world: &mut World) -> Result<()> {
    switched(
        world,
        "connect",
        &[format!("tcp {A4}"), format!("udp {A4}"), format!("tcp {A6}"), format!("udp {A6}")],
    )
}

fn exec(world: &mut World) -> Result<()> {
    world.must_allow(&format!("exec {PROGRAM} true"))?;
    guard::ok(&["surface", "exec", "off"])?;
    // A process of its own would have to be started: the serving one tries, and stays itself where it may not.
    let words = ["exec", PROGRAM, "true"].map(str::to_owned);
    let actor = world.actor(crate::harness::world::Side::Inside, crate::harness::Who::User, By::Program)?;
    let outcome = actor.order(&words, crate::act::serve::How::Here);
    guard::ok(&["surface", "exec", "on"])?;
    anyhow::ensure!(outcome?.code == nix::libc::EACCES, "a program was started with the switch off");
    world.must_allow(&format!("exec {PROGRAM} true")).map(drop)
}

fn outlives(world: &mut World) -> Result<()> {
    let act = format!("write {}", Spot::Tmpfs.w("f"));
    guard::ok(&["surface", "write", "off"])?;
    world.take_daemon()?.kill()?;
    let dead = world.inside_only(&act);
    world.daemon()?;
    let alive = world.inside_only(&act);
    guard::ok(&["surface", "write", "on"])?;
    for outcome in [dead?, alive?] {
        anyhow::ensure!(outcome.code == nix::libc::EACCES, "with the switch off: {outcome:?}");
    }
    world.must_allow(&act).map(drop)
}
