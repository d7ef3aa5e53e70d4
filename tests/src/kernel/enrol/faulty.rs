//! What becomes of cgroups that are enrolled when the kernel fails the programs there: the other half of the table of
//! faults, which has a daemon whose programs fail where they are told to.

use anyhow::{Result, ensure};
use guard_common::fault::Fault;

use super::before::Crowd;
use super::launcher::{LAUNCHER, inside, words};
use super::{KNOWN_LIMIT, POLICY, Place, free, governed, on_host, outsider, prepare};
use crate::act::serve::How;
use crate::harness::fixture::ACT;
use crate::harness::guard::enter;
use crate::harness::shell::until;
use crate::harness::{Spot, World, ledger};
use crate::kernel::apply;
use crate::loads::fault::{counted, inject};

/// Every fault that only an enrolled cgroup meets. Takes a daemon that injects faults for granted.
pub(crate) fn under_faults(world: &mut World) -> Result<()> {
    prepare()?;
    let result = unlabelled_where_it_was(world).and_then(|()| {
        apply::under(POLICY, || {
            unlabelled_thread()?;
            unlabelled_as_it_enters(world)?;
            unlabelled_as_it_starts()
        })
    });
    inject(0)?;
    result
}

/// Whoever was in a cgroup before its rule was, and cannot be labelled when the daemon walks over all tasks, is the
/// agent all the same; who does nothing meanwhile is labelled when the daemon walks again.
fn unlabelled_where_it_was(world: &mut World) -> Result<()> {
    let place = Place::make("/boxes/unlabelled-before")?;
    let (mut actor, mut host, idle) = (outsider()?, outsider()?, outsider()?);
    enter(place.path(), actor.pid())?;
    enter(place.path(), idle.pid())?;
    free(world, &mut actor, &on_host())?;
    world.records()?;
    let before = counted(Fault::LabelExisting)?;
    inject(1 << Fault::LabelExisting.raw())?;
    apply::under(POLICY, || {
        ensure!(counted(Fault::LabelExisting)? > before, "{} was never met", Fault::LabelExisting.name());
        governed(world, &mut actor, &on_host())?;
        free(world, &mut host, &on_host())?;
        let is_labelled = || -> Result<bool> {
            let entries = ledger::entries(0)?;
            let entered = ledger::of_stage(&entries, "enter");
            Ok(entered.iter().any(|record| record["process"]["pid"] == idle.pid()))
        };
        ensure!(!is_labelled()?, "the fault was injected, and who was there was labelled");
        inject(0)?;
        until("the daemon walks again", KNOWN_LIMIT, is_labelled)
    })
}

/// A thread of a process that entered, and that cannot be labelled when the daemon walks to it, has its process's label.
fn unlabelled_thread() -> Result<()> {
    let place = Place::make("/boxes/unlabelled-thread")?;
    let crowd = Crowd::start()?;
    let before = counted(Fault::LabelExisting)?;
    inject(1 << Fault::LabelExisting.raw())?;
    enter(place.path(), crowd.pid())?;
    until("the daemon walks to the threads", KNOWN_LIMIT, || Ok(counted(Fault::LabelExisting)? > before))?;
    let refused = crowd.refused()?;
    inject(0)?;
    ensure!(refused == Crowd::THREADS, "of {} threads {refused} were refused", Crowd::THREADS);
    Ok(())
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
