//! Containers of an engine: an image in layers, a monitor beside the container, and a file system that is mounted when
//! the container starts.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::bundle::{ROOT, build_root};
use super::{CGROUPS, Trial, agent_in, ended, enrolling, free, governed, trials};
use crate::harness::actor::Actor;
use crate::harness::fixture::{MARKS, WHOLE, folder};
use crate::harness::shell::{end_within, sh, until};
use crate::harness::{Spot, Test, Who, World, act, check, guard};

/// Where images and containers lie: below a zone of the policy's.
const STORAGE: &str = "/guardtest/ext4/storage";
const LIMIT: Duration = Duration::from_secs(120);

pub(super) fn all() -> Vec<Test> {
    vec![
        check("what_runs_in_a_container_of_podman_is_the_agent", governed_in),
        check("a_container_of_podman_that_starts_without_a_daemon_is_governed", daemon_dead),
        check("a_container_of_podman_is_halted", halted),
    ]
}

fn podman(words: &[&str]) -> Command {
    let mut command = guard::as_user(Who::Root, "podman");
    command.args(["--root", STORAGE, "--runroot", "/run/guardtest-podman", "--cgroup-manager=cgroupfs"]);
    command.args(["--events-backend=file"]).args(words);
    command
}

fn done(words: &[&str]) -> Result<String> {
    let ended = end_within(&mut podman(words), LIMIT)?;
    ensure!(ended.code() == 0, "`podman {}` failed: {}", words.join(" "), ended.said());
    Ok(ended.out.trim().to_owned())
}

/// The image, made where it is missing.
fn image() -> Result<()> {
    folder(STORAGE)?;
    build_root()?;
    if end_within(&mut podman(&["image", "exists", "box"]), LIMIT)?.code() == 0 {
        return Ok(());
    }
    let archive = "/tmp/guardtest-image.tar";
    sh(&format!("tar -C {ROOT} -cf {archive} ."))?;
    done(&["import", archive, "box"]).map(drop)
}

/// A container. Dropping it removes it.
struct Container {
    name: String,
    parent: String,
}

impl Container {
    /// `parent` is the cgroup that its own lies in.
    fn new(name: &str, parent: &str) -> Self {
        Self { name: name.to_owned(), parent: parent.to_owned() }
    }

    fn start(&self) -> Result<Actor> {
        let bind = |source: &str, target: &str| format!("--volume={source}:{target}");
        let mut command = podman(&["run", "--interactive", "--network=host", "--name", &self.name]);
        command.args(["--cgroup-parent", &self.parent]);
        command.args([
            bind(&Spot::Tmpfs.at("pd"), "/pd"),
            bind(&Spot::Tmpfs.at("w"), "/w"),
            bind(&Spot::Tmpfs.at("xd"), "/xd"),
            bind(MARKS, "/marks"),
        ]);
        command.args(["box", "/bin/guard-act", "serve"]);
        let mut actor = Actor::start(&self.name, &mut command)?;
        actor.perform(&["nothing".to_owned()]).context("the container does not run")?;
        Ok(actor)
    }

    /// What the engine says of it.
    fn inspect(&self) -> Result<Value> {
        let told: Value = serde_json::from_str(&done(&["inspect", &self.name])?)?;
        Ok(told[0].clone())
    }

    fn cgroup(&self) -> Result<String> {
        let id = self.inspect()?["Id"].as_str().context("no id")?.to_owned();
        Ok(format!("{}/libpod-{id}", self.parent))
    }

    fn exec(&self, words: &[&str]) -> Result<i32> {
        let words = [&["exec", &self.name], words].concat();
        Ok(end_within(&mut podman(&words), LIMIT)?.code())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = end_within(&mut podman(&["rm", "--force", "--time", "0", &self.name]), LIMIT);
    }
}

fn inside() -> Vec<Trial> {
    trials("/pd", "/w", "/xd", "/marks")
}

fn governed_in(world: &mut World) -> Result<()> {
    image()?;
    enrolling(world, |world| {
        let control = Container::new("free", "/free_parent");
        free(world, &mut control.start()?, &inside())?;
        let container = Container::new("boxed", "/libpod_parent");
        let mut actor = container.start()?;
        governed(world, &mut actor, &inside())?;
        for line in
            ["create /tmp/own", "exec /bin/guard-act nothing", "read /proc/self/status", "write /dev/null"]
        {
            let outcome = actor.perform(&act(line).words)?;
            ensure!(outcome.code == 0, "over-blocked: `{line}` ended with {outcome:?}");
        }
        agent_in(&container.cgroup()?)?;
        let code = container.exec(&["/bin/guard-act", "write", "/pd/p"])?;
        ensure!(code == nix::libc::EACCES, "executed in it, the write ended with {code}");
        ensure!(fs::read(Spot::Tmpfs.p())? == WHOLE, "P was written");
        ensure!(container.exec(&["/bin/guard-act", "write", "/w/f"])? == 0, "over-blocked: executed in it");
        drop(actor.finish());
        // The engine's own clean-up is no agent's.
        until("it has ended", LIMIT, || Ok(container.inspect()?["State"]["Status"] == "exited"))?;
        done(&["start", "boxed"])?;
        done(&["stop", "--time", "1", "boxed"]).map(drop)
    })
}

fn daemon_dead(world: &mut World) -> Result<()> {
    image()?;
    enrolling(world, |world| {
        world.take_daemon()?.kill()?;
        let container = Container::new("unheard", "/libpod_parent");
        let result = container.start().and_then(|mut actor| {
            governed(world, &mut actor, &inside())?;
            Ok(actor)
        });
        world.daemon()?;
        let _actor = result?;
        agent_in(&container.cgroup()?).map(drop)
    })
}

fn halted(world: &mut World) -> Result<()> {
    image()?;
    enrolling(world, |_| {
        let container = Container::new("boxed", "/libpod_parent");
        let _actor = container.start()?;
        let cgroup = container.cgroup()?;
        let agent = agent_in(&cgroup)?;
        let name = agent["instance"]["agent"].as_str().context("no name")?.to_owned();
        let pids = fs::read_to_string(format!("{CGROUPS}{cgroup}/cgroup.procs"))?;
        let pid: u32 = pids.lines().next().context("nobody is in it")?.parse()?;
        guard::ok(&["kill", "--agent", &name, "--mode", "terminate"])?;
        let result = until("its process is gone", LIMIT, || Ok(ended(pid)));
        guard::ok(&["recover", "--agent", &name, "--note", "the suite goes on"])?;
        result
    })
}
