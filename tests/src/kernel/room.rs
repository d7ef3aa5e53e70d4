//! What there is room for: where there is no more, agents are refused, and nobody is forgotten to be one.

use std::fs::{self, File};
use std::process::{ExitStatus, Stdio};

use anyhow::{Result, ensure};
use guard_common::limits::FOLDERS_MAX;
use guard_common::map::label::Label;
use guard_common::map::name;
use guard_common::map::zone::GivenKey;

use crate::harness::fixture::{ACT, MARKS, OPEN, folder, put};
use crate::harness::table::Filled;
use crate::harness::world::Side;
use crate::harness::{Spot, Test, Who, World, act, check, guard};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("an_agent_that_there_is_no_row_for_does_not_start_and_others_are_what_they_were", rows),
        check("more_folders_than_are_kept_are_judged_alike", folders),
    ]
}

fn rows(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    let labels = Filled::<8, { size_of::<Label>() }>::new(name::AGENT_CGROUPS)?;
    not_started(world, "for its label")?;
    drop(labels);
    let given = Filled::<{ size_of::<GivenKey>() }, 4>::new(name::GIVEN)?;
    not_started(world, "for what it was given")?;
    drop(given);
    let status = start()?;
    ensure!(status.success() && fs::exists(mark())?, "control: with room it ended with {status}");
    Ok(())
}

fn not_started(world: &mut World, what: &str) -> Result<()> {
    let status = start()?;
    ensure!(!status.success() && !fs::exists(mark())?, "without a row {what} it ended with {status}");
    world.must_allow(&format!("write {}", Spot::Tmpfs.w("f")))?;
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
    let outside = world.perform(Side::Outside, Who::User, &act(&format!("write {}", Spot::Tmpfs.p())))?;
    ensure!(outside.code == 0, "without a row {what} P cannot be written outside: {outside:?}");
    Ok(())
}

fn mark() -> String {
    format!("{MARKS}/started")
}

/// An agent that leaves a mark, and is given a file.
fn start() -> Result<ExitStatus> {
    let name = "one-too-many";
    let mut command = guard::run(Who::User, name, &guard::workdir(name)?);
    command.args([ACT, "create", &mark()]).stdin(Stdio::null()).stderr(Stdio::null());
    Ok(command.stdout(File::create(Spot::Tmpfs.pd("given"))?).status()?)
}

fn folders(world: &mut World) -> Result<()> {
    let (top, number) = (Spot::Tmpfs.pd("many"), FOLDERS_MAX + FOLDERS_MAX / 16);
    for below in 0..number {
        folder(&format!("{top}/{below}"))?;
        put(format!("{top}/{below}/f").as_ref(), OPEN)?;
    }
    let outcome = world.must_allow(&format!("sweep {number} {top} 100"))?;
    ensure!(outcome.out.trim() == format!("swept {number}"), "{outcome:?}");
    let outside = world.perform(Side::Outside, Who::User, &act(&format!("sweep {number} {top} 100")))?;
    ensure!(outside.code != 0, "control: outside nothing was written: {outside:?}");
    Ok(())
}
