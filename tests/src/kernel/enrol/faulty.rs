//! What becomes of cgroups that are enrolled when the kernel fails the programs there: the other half of the table of
//! faults, which has a daemon whose programs fail where they are told to.

use anyhow::{Result, ensure};
use guard_common::fault::Fault;

use super::launcher::{LAUNCHER, inside, words};
use super::{POLICY, Place, free, governed, on_host, outsider, prepare};
use crate::act::serve::How;
use crate::harness::fixture::ACT;
use crate::harness::guard::enter;
use crate::harness::{Spot, World};
use crate::kernel::apply;
use crate::loads::fault::{counted, inject};

/// Both faults that only an enrolled cgroup meets. Takes a daemon that injects faults for granted.
pub(crate) fn under_faults(world: &mut World) -> Result<()> {
    prepare()?;
    let result =
        apply::under(POLICY, || unlabelled_as_it_enters(world).and_then(|()| unlabelled_as_it_starts()));
    inject(0)?;
    result
}

/// Whoever enters and cannot be labelled is the agent all the same.
fn unlabelled_as_it_enters(world: &mut World) -> Result<()> {
    let place = Place::make("/boxes/unlabelled")?;
    let mut actor = outsider()?;
    let mut host = outsider()?;
    let before = counted(Fault::LabelEnter)?;
    inject(1 << Fault::LabelEnter.raw())?;
    enter(place.path(), actor.pid())?;
    governed(world, &mut actor, &on_host())?;
    free(world, &mut host, &on_host())?;
    inject(0)?;
    ensure!(counted(Fault::LabelEnter)? > before, "{} was never met", Fault::LabelEnter.name());
    Ok(())
}

/// What a launcher starts and what cannot be labelled does not start.
fn unlabelled_as_it_starts() -> Result<()> {
    let place = Place::make("/boxes/unlabelled-start")?;
    let mut actor = inside(&place, LAUNCHER)?;
    // What the agent may do: so it was not started.
    let line = format!("exec {ACT} write {}", Spot::Tmpfs.w("f"));
    ensure!(actor.order(&words(&line), How::Apart)?.code == 0, "over-blocked: `{line}`");
    let before = counted(Fault::LabelExec)?;
    inject(1 << Fault::LabelExec.raw())?;
    let outcome = actor.order(&words(&line), How::Apart)?;
    ensure!(outcome.code == nix::libc::EACCES, "`{line}` ended with {outcome:?}");
    let mut host = outsider()?;
    ensure!(host.order(&words(&line), How::Apart)?.code == 0, "a start of the host's was refused");
    inject(0)?;
    ensure!(counted(Fault::LabelExec)? > before, "{} was never met", Fault::LabelExec.name());
    Ok(())
}
