//! While the daemon is dead: processes that are moved in, containers and units are agents all the same, orders stand,
//! and more cgroups than slots lie ready are refused, with the host none the worse. The next daemon records them.

use anyhow::{Context, Result, ensure};
use aya::maps::{Array, Map, MapData};
use guard_common::Reason;
use guard_common::map::enrol::RESERVE_MAX;
use guard_common::map::label::Label;
use guard_common::map::name;

use super::bundle::{Bundle, Runtime, inside};
use super::container::{pid_in, refused_start};
use super::launcher::{self, LAUNCHER};
use super::service::Service;
use super::{LIMIT, Place, agent_in, ended, free, governed, on_host, outsider, refusals};
use crate::act::serve::How;
use crate::harness::actor::Actor;
use crate::harness::fixture::ACT;
use crate::harness::guard::{PINS, enter};
use crate::harness::shell::until;
use crate::harness::table::Filled;
use crate::harness::{Spot, Test, World, act, check, guard, ledger};

/// Slots that still lie ready when the last ones come: the rest is taken away, as if others had come before.
const LEFT: u32 = 2;

pub(super) fn all() -> Vec<Test> {
    vec![check("without_a_daemon_whoever_comes_is_governed_and_the_next_daemon_records_it", unheard)]
}

/// Who came while nobody heard.
struct Company {
    moved: Actor,
    boxed: Actor,
    unit: Actor,
    late: Actor,
    crowd: Vec<(Actor, Place)>,
}

fn unheard(world: &mut World) -> Result<()> {
    let place = Place::make("/boxes/moved")?;
    let late = Place::make("/boxes/late")?;
    let bundle = Bundle::serving(Runtime::Crun, "boxed", "/boxes/boxed")?;
    let service = Service::serving("guardtest-unheard", "")?;
    world.records()?;
    world.take_daemon()?.kill()?;
    let result = without_daemon(world, &place, &late, &bundle, &service);
    world.daemon()?;
    let after = refused_start("three", "/named/three").context("with the next daemon");
    let recovered = guard::ok(&["recover", "--agent", "coder", "--note", "the suite goes on"]);
    let company = result?;
    after?;
    recovered?;
    recorded(world)?;
    goes_on(world, company, &late)
}

fn without_daemon(
    world: &mut World,
    place: &Place,
    late: &Place,
    bundle: &Bundle,
    service: &Service,
) -> Result<Company> {
    let mut moved = outsider()?;
    enter(place.path(), moved.pid())?;
    governed(world, &mut moved, &on_host()).context("who is moved in")?;
    let mut boxed = bundle.start()?;
    governed(world, &mut boxed, &inside()).context("a container")?;
    let mut unit = service.start()?;
    governed(world, &mut unit, &on_host()).context("a unit")?;
    halted().context("a halted container")?;
    let (crowd, late) = exhausted(world, late).context("one too many")?;
    Ok(Company { moved, boxed, unit, late, crowd })
}

fn halted() -> Result<()> {
    let bundle = Bundle::serving(Runtime::Crun, "one", "/named/one")?;
    let _actor = bundle.start()?;
    let pid = pid_in("/named/one")?;
    guard::ok(&["kill", "--agent", "coder", "--mode", "terminate"])?;
    until("its process is gone", LIMIT, || Ok(ended(pid)))?;
    refused_start("two", "/named/two")
}

/// Takes the slots that lie ready away, but for some.
fn leave_ready(mut left: u32) -> Result<()> {
    let data = MapData::from_pin(format!("{PINS}/maps/{}", name::RESERVE)).context("the slots")?;
    let mut map = Map::from_map_data(data)?;
    let mut rows = Array::<_, u64>::try_from(&mut map)?;
    for row in 0..RESERVE_MAX {
        let is_ready = rows.get(&row, 0)? != 0;
        if is_ready && left == 0 {
            rows.set(row, 0, 0)?;
        } else if is_ready {
            left -= 1;
        }
    }
    ensure!(left == 0, "{left} slots fewer than that lie ready");
    Ok(())
}

fn exhausted(world: &mut World, place: &Place) -> Result<(Vec<(Actor, Place)>, Actor)> {
    leave_ready(LEFT)?;
    let mut crowd = Vec::new();
    for number in 0..LEFT {
        let place = Place::make(&format!("/boxes/many-{number}"))?;
        let mut actor = outsider()?;
        enter(place.path(), actor.pid())?;
        let outcome = actor.perform(&act(&format!("write {}", Spot::Tmpfs.w("f"))).words)?;
        ensure!(outcome.code == 0, "over-blocked with a slot left: {outcome:?}");
        crowd.push((actor, place));
    }
    let mut late = outsider()?;
    enter(place.path(), late.pid())?;
    // Nothing at all: not even what its profile may.
    for line in [format!("write {}", Spot::Tmpfs.w("f")), format!("read {}", Spot::Tmpfs.p())] {
        let outcome = late.perform(&act(&line).words)?;
        ensure!(outcome.code == nix::libc::EACCES, "`{line}` ended with {outcome:?}");
    }
    free(world, &mut outsider()?, &on_host())?;
    crowded(world).context("with no room for a label")?;
    Ok((crowd, late))
}

/// What a launcher starts has no label to wait for, and is refused all the same.
fn crowded(world: &mut World) -> Result<()> {
    let filled = Filled::<8, { size_of::<Label>() }>::new(name::AGENT_CGROUPS)?;
    let place = Place::make("/boxes/crowded")?;
    let mut launcher = launcher::inside(&place, LAUNCHER)?;
    let line = format!("write {}", Spot::Tmpfs.w("f"));
    let before = launcher.perform(&act(&line).words)?;
    ensure!(before.code == 0, "the launcher itself is hindered: {before:?}");
    let payload = launcher.order(&launcher::words(&format!("exec {ACT} {line}")), How::Apart)?;
    ensure!(payload.code == nix::libc::EACCES, "the payload ended with {payload:?}");
    free(world, &mut outsider()?, &on_host())?;
    drop(filled);
    Ok(())
}

fn recorded(world: &mut World) -> Result<()> {
    let unit = "/system.slice/guardtest-unheard.service";
    let entries = world.records()?;
    let enrolled = ledger::of_stage(&entries, "enrol");
    for path in ["/boxes/moved", "/boxes/boxed", "/boxes/many-1", "/boxes/late", unit] {
        agent_in(path)?;
        ensure!(enrolled.iter().any(|one| one["path"] == path), "{path} is not recorded: {enrolled:?}");
    }
    let by =
        |path: &str| enrolled.iter().find(|one| one["path"] == path).map(|one| one["by"]["comm"].to_string());
    ensure!(
        by("/boxes/boxed").is_some_and(|comm| comm.contains("crun")),
        "the container was entered by another"
    );
    for agent in ["moved", "boxed", "guardtest-unheard.service"] {
        let own = refusals(&entries, agent);
        ensure!(own.len() == 4, "of four refusals of {agent} these are recorded as its own: {own:?}");
    }
    let refused = ledger::refusals(&entries);
    let without: Vec<_> = refused.iter().filter(|one| one.reason == Reason::NoSlot.name()).collect();
    // The payload's start, and what its launcher's child then says of that.
    let of = |object: &str| without.iter().filter(|one| one.object == object).count();
    ensure!(without.len() == 4 && of(ACT) == 1, "for want of a slot were refused: {without:?}");
    Ok(())
}

/// Under the next daemon: whoever was governed is, who was refused stays so, and who comes after is an agent.
fn goes_on(world: &mut World, company: Company, place: &Place) -> Result<()> {
    let Company { mut moved, mut boxed, mut unit, mut late, crowd } = company;
    governed(world, &mut moved, &on_host())?;
    governed(world, &mut boxed, &inside())?;
    governed(world, &mut unit, &on_host())?;
    let outcome = late.perform(&act(&format!("write {}", Spot::Tmpfs.w("f"))).words)?;
    ensure!(outcome.code == nix::libc::EACCES, "who was refused is free: {outcome:?}");
    let mut next = outsider()?;
    enter(place.path(), next.pid())?;
    governed(world, &mut next, &on_host())?;
    drop(crowd);
    Ok(())
}
