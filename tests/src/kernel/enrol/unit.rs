//! Units of the service manager: each starts unhindered, with whatever the manager sets up for it, and its program is
//! the agent from its first instruction on.

use std::fs;

use anyhow::{Result, ensure};

use super::ready::{VOLUME, trials};
use super::service::{Service, systemctl};
use super::{LIMIT, Trial, agent_in, free, gone, governed, refusals};
use crate::harness::fixture::{ACT, WHOLE};
use crate::harness::shell::until;
use crate::harness::{Spot, Test, World, act, check, guard};

/// What a careful unit asks the manager for: namespaces of its own, filters, another user.
const SANDBOX: &str = "User=guardtest\nPrivateTmp=yes\nProtectSystem=strict\n\
    ReadWritePaths=/guardtest /srv\nProtectKernelTunables=yes\nNoNewPrivileges=yes\nSystemCallFilter=~@mount\n";

pub(super) fn all() -> Vec<Test> {
    vec![
        check("the_program_of_a_unit_with_namespaces_of_its_own_is_the_agent", governed_in),
        check("what_a_unit_runs_before_its_program_is_the_agent_too", before_it),
        check("a_unit_that_is_halted_stays_halted_however_often_it_is_started_again", halted),
        check("a_repeated_order_against_an_agent_that_has_ended_leaves_the_first_one_standing", repeated),
    ]
}

fn own() -> Vec<Trial> {
    trials(&Spot::Tmpfs.at("pd"))
}

fn governed_in(world: &mut World) -> Result<()> {
    let (name, path) = named("sand");
    let control = Service::serving("free-sand", SANDBOX)?;
    free(world, &mut control.start()?, &own())?;
    let service = Service::serving(&name, SANDBOX)?;
    let mut actor = service.start()?;
    governed(world, &mut actor, &own())?;
    for line in ["read /proc/self/status", "write /dev/null", &format!("exec {ACT} nothing")] {
        let outcome = actor.perform(&act(line).words)?;
        let mut refused = || world.records().map(|entries| refusals(&entries, &format!("{name}.service")));
        ensure!(outcome.code == 0, "over-blocked: `{line}` ended with {outcome:?}: {:?}", refused()?.last());
    }
    let agent = agent_in(&path)?;
    ensure!(agent["instance"]["agent"] == format!("{name}.service"), "guard agents says {agent}");
    drop(actor);
    drop(service);
    gone(&path)
}

fn named(name: &str) -> (String, String) {
    let name = format!("agent-{name}");
    let path = format!("/system.slice/{name}.service");
    (name, path)
}

fn before_it(_: &mut World) -> Result<()> {
    let write =
        format!("Type=oneshot\nExecStartPre=-{ACT} write {}\nExecStart={ACT} nothing\n", Spot::Tmpfs.p());
    Service::with("agent-pre", &write)?.launch()?;
    ensure!(fs::read(Spot::Tmpfs.p())? == WHOLE, "P was written");
    Service::with("free-pre", &write)?.launch()?;
    ensure!(fs::read(Spot::Tmpfs.p())? != WHOLE, "control: P was not written");
    Ok(())
}

fn halted(_: &mut World) -> Result<()> {
    let mark = format!("{VOLUME}/mark");
    // It marks that it runs, and goes on; whenever it ends it is started again.
    let service = format!(
        "ExecStartPre=-{ACT} unlink {mark}\nExecStart={ACT} crowd 1 {mark} nothing\nExecStartPost=-{ACT} create {mark}-up\n\
         Restart=always\nRestartSec=100ms\n"
    );
    let (name, path) = named("again");
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
}

fn repeated(_: &mut World) -> Result<()> {
    let mark = format!("{VOLUME}/repeated");
    let acts =
        format!("Type=oneshot\nExecStart={ACT} create {mark}\nExecStart={ACT} crowd 1 {mark}-go nothing\n");
    let (name, path) = named("repeated");
    let agent = format!("{name}.service");
    let _unit = Service::with(&name, &acts)?;
    let starts = || systemctl(&["start", "--no-block", &name]).map(drop);
    let acted = || Ok(fs::exists(&mark)?);
    starts()?;
    until("it acts", LIMIT, acted)?;
    let order = ["kill", "--agent", &agent, "--mode", "terminate"];
    guard::ok(&order)?;
    gone(&path)?;
    fs::remove_file(&mark)?;
    // Nobody of that name lives: what it says is of those to come.
    let said = guard::ok(&order)?;
    let result = (|| {
        ensure!(said.out.contains("new instances"), "a repeated order says {:?}", said.out);
        // Waits for its end, which comes at once where it may do nothing.
        let started = systemctl(&["start", &name]);
        ensure!(started.is_err() && !acted()?, "a unit of a halted agent acted");
        Ok(())
    })();
    guard::ok(&["recover", "--agent", &agent, "--note", "the suite goes on"])?;
    result?;
    starts()?;
    until("it acts again", LIMIT, acted)?;
    guard::ok(&order)?;
    guard::ok(&["recover", "--agent", &agent, "--note", "the suite goes on"]).map(drop)
}
