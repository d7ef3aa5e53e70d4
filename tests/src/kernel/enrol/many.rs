//! More cgroups than slots lie ready, with nobody there to lay out more: refused, and the host none the worse.

use std::fs;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use guard_common::Reason;
use guard_common::map::enrol::RESERVE_MAX;

use super::{Place, agent_in, enrolling, free, governed, on_host, outsider};
use crate::harness::fixture::PROGRAM;
use crate::harness::guard::enter;
use crate::harness::{Spot, Test, World, act, check, ledger};

pub(super) fn all() -> Vec<Test> {
    vec![check("without_a_slot_whoever_enters_is_refused_and_the_host_is_not", exhausted)]
}

/// Processes that do nothing, each in a cgroup of its own.
struct Crowd(Vec<(Child, Place)>);

impl Crowd {
    fn fill(count: u32) -> Result<Self> {
        let mut crowd = Self(Vec::new());
        for number in 0..count {
            let place = Place::make(&format!("/boxes/many-{number}"))?;
            let child = Command::new(PROGRAM).args(["sleep", "600"]).stdin(Stdio::null()).spawn()?;
            enter(place.path(), child.id())?;
            crowd.0.push((child, place));
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for (child, _) in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn exhausted(world: &mut World) -> Result<()> {
    enrolling(world, |world| {
        let mut host = outsider()?;
        world.records()?;
        world.take_daemon()?.kill()?;
        let place = Place::make("/boxes/late")?;
        let result = Crowd::fill(RESERVE_MAX).and_then(|crowd| {
            let mut late = outsider()?;
            enter(place.path(), late.pid())?;
            // Nothing at all: not even what its profile may.
            for line in [format!("write {}", Spot::Tmpfs.w("f")), format!("read {}", Spot::Tmpfs.p())] {
                let outcome = late.perform(&act(&line).words)?;
                ensure!(outcome.code == nix::libc::EACCES, "`{line}` ended with {outcome:?}");
            }
            free(world, &mut host, &on_host())?;
            Ok((crowd, late))
        });
        world.daemon()?;
        let (_crowd, mut late) = result?;
        agent_in("/boxes/late")?;
        let outcome = late.perform(&act(&format!("write {}", Spot::Tmpfs.w("f"))).words)?;
        ensure!(outcome.code == nix::libc::EACCES, "who was refused is free: {outcome:?}");
        let mut next = outsider()?;
        enter(place.path(), next.pid())?;
        governed(world, &mut next, &on_host())?;
        let entries = world.records()?;
        let refused = ledger::refusals(&entries);
        let without = refused.iter().filter(|one| one.reason == Reason::NoSlot.name()).count();
        ensure!(without == 3, "{without} refusals are for want of a slot");
        let enrolled = ledger::of_stage(&entries, "enrol").len();
        ensure!(enrolled > RESERVE_MAX as usize, "{enrolled} of them are recorded");
        fs::metadata(place.path()).context("the cgroup is gone")?;
        Ok(())
    })
}
