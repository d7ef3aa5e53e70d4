//! Units of the service manager: each starts unhindered, with whatever the manager sets up for it, and its program is
//! the agent from its first instruction on.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::service::{Service, manager};
use super::{agent_in, enrolling, free, gone, governed, on_host, refusals};
use crate::harness::fixture::{ACT, WHOLE};
use crate::harness::shell::until;
use crate::harness::{Spot, Test, World, act, check, guard, ledger};

const LIMIT: Duration = Duration::from_secs(60);

/// What a careful unit asks the manager for: namespaces of its own, filters, another user.
const SANDBOX: &str = "User=guardtest\nPrivateTmp=yes\nProtectSystem=strict\n\
    ReadWritePaths=/guardtest\nProtectKernelTunables=yes\nNoNewPrivileges=yes\nSystemCallFilter=~@mount\n";

pub(super) fn all() -> Vec<Test> {
    vec![
        check("the_program_of_a_unit_is_the_agent", |world| governed_in(world, "box", "")),
        check("so_it_is_in_a_unit_with_namespaces_of_its_own", |world| governed_in(world, "sand", SANDBOX)),
        check("what_a_unit_runs_before_its_program_is_the_agent_too", start_pre),
        check("a_unit_that_starts_without_a_daemon_is_governed", daemon_dead),
        check("a_unit_that_ran_before_the_policy_is_governed", before),
        check("a_unit_that_is_halted_stays_halted_however_often_it_is_started_again", halted),
    ]
}

fn governed_in(world: &mut World, name: &str, more: &str) -> Result<()> {
    let (name, path) = named(name);
    enrolling(world, |world| {
        let control = Service::serving("free-unit", more)?;
        free(world, &mut control.start()?, &on_host())?;
        let service = Service::serving(&name, more)?;
        let mut actor = service.start()?;
        governed(world, &mut actor, &on_host())?;
        for line in ["read /proc/self/status", "write /dev/null", &format!("exec {ACT} nothing")] {
            let outcome = actor.perform(&act(line).words)?;
            let mut refused =
                || world.records().map(|entries| refusals(&entries, &format!("{name}.service")));
            ensure!(
                outcome.code == 0,
                "over-blocked: `{line}` ended with {outcome:?}: {:?}",
                refused()?.last()
            );
        }
        let agent = agent_in(&path)?;
        ensure!(agent["instance"]["agent"] == format!("{name}.service"), "guard agents says {agent}");
        drop(actor);
        drop(service);
        gone(&path)
    })
}

fn named(name: &str) -> (String, String) {
    let name = format!("guardtest-{name}");
    let path = format!("/system.slice/{name}.service");
    (name, path)
}

fn start_pre(world: &mut World) -> Result<()> {
    let write =
        format!("Type=oneshot\nExecStartPre=-{ACT} write {}\nExecStart={ACT} nothing\n", Spot::Tmpfs.p());
    enrolling(world, |_| {
        Service::with("guardtest-pre", &write)?.launch()?;
        ensure!(fs::read(Spot::Tmpfs.p())? == WHOLE, "P was written");
        Service::with("free-pre", &write)?.launch()?;
        ensure!(fs::read(Spot::Tmpfs.p())? != WHOLE, "control: P was not written");
        Ok(())
    })
}

fn daemon_dead(world: &mut World) -> Result<()> {
    let (name, path) = named("unheard");
    enrolling(world, |world| {
        manager()?;
        world.records()?;
        world.take_daemon()?.kill()?;
        let service = Service::serving(&name, "")?;
        let result = service.start().and_then(|mut actor| {
            governed(world, &mut actor, &on_host())?;
            Ok(actor)
        });
        world.daemon()?;
        let _actor = result?;
        agent_in(&path)?;
        let entries = world.records()?;
        let enrolled = ledger::of_stage(&entries, "enrol");
        let one = enrolled.iter().find(|one| one["path"] == path).context("it is not recorded")?;
        ensure!(one["instance"]["profile"] == "boxed", "the record says {one}");
        Ok(())
    })
}

fn before(world: &mut World) -> Result<()> {
    let (name, path) = named("before");
    let service = Service::serving(&name, "")?;
    let mut actor = service.start()?;
    free(world, &mut actor, &on_host())?;
    enrolling(world, |world| {
        agent_in(&path)?;
        governed(world, &mut actor, &on_host())
    })
}

fn halted(world: &mut World) -> Result<()> {
    let mark = Spot::Tmpfs.w("mark");
    // It marks that it runs, and goes on; whenever it ends it is started again.
    let service = format!(
        "ExecStartPre=-{ACT} unlink {mark}\nExecStart={ACT} crowd 1 {mark} nothing\nExecStartPost=-{ACT} create {mark}-up\n\
         Restart=always\nRestartSec=100ms\n"
    );
    let (name, path) = named("again");
    enrolling(world, |_| {
        let unit = Service::with(&name, &service)?;
        unit.launch()?;
        agent_in(&path)?;
        guard::ok(&["kill", "--agent", &format!("{name}.service"), "--mode", "terminate"])?;
        let up = format!("{mark}-up");
        let result = (|| {
            let _ = fs::remove_file(&up);
            let restarts = || Ok::<u32, anyhow::Error>(unit.property("NRestarts")?.parse()?);
            let begun = restarts()?;
            until("it was started again and again", LIMIT, || Ok(restarts()? >= begun + 3))?;
            ensure!(!fs::exists(&up)?, "a unit of a halted agent acted");
            Ok(())
        })();
        guard::ok(&["recover", "--agent", &format!("{name}.service"), "--note", "the suite goes on"])?;
        result?;
        until("it runs again", LIMIT, || Ok(fs::exists(&up)?))
    })
}
