//! Containers of an engine: an image in layers, a monitor beside the container, and a file system that is mounted when
//! the container starts.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::bundle::{ROOT, build_root};
use super::container::pid_in;
use super::ready::{VOLUME, trials};
use super::{CGROUPS, agent_in, ended, governed};
use crate::harness::actor::Actor;
use crate::harness::fixture::WHOLE;
use crate::harness::shell::{end_within, sh, until};
use crate::harness::{Spot, Test, Who, World, act, check, guard};

const LIMIT: Duration = Duration::from_secs(120);

pub(super) fn all() -> Vec<Test> {
    vec![check(
        "what_runs_in_a_container_of_podman_is_the_agent_by_the_ready_policy_until_it_is_halted",
        governed_in,
    )]
}

fn podman(words: &[&str]) -> Command {
    let mut command = guard::as_user(Who::Root, "podman");
    command.args(["--cgroup-manager=cgroupfs", "--events-backend=file"]).args(words);
    command
}

/// The image.
fn image() -> Result<()> {
    build_root()?;
    let archive = "/tmp/guardtest-image.tar";
    sh(&format!("tar -C {ROOT} -cf {archive} ."))?;
    let ended = end_within(&mut podman(&["import", "--quiet", archive, "box"]), LIMIT)?;
    ensure!(ended.code() == 0, "`podman import` failed: {}", ended.said());
    Ok(())
}

/// A container. Each call of the engine is slow here: what ended by itself stays, and goes with the guest.
struct Container {
    name: String,
    parent: String,
}

impl Container {
    /// `parent` is the cgroup that its own lies in.
    fn new(name: &str, parent: &str) -> Self {
        Self { name: format!("{name}-{}", std::process::id()), parent: parent.to_owned() }
    }

    fn run(&self, words: &[&str]) -> Command {
        let bind = |source: &str, target: &str| format!("--volume={source}:{target}");
        let mut command = podman(&["run", "--interactive", "--network=host", "--name", &self.name]);
        command.args(["--cgroup-parent", &self.parent]);
        command.args([bind(&Spot::Tmpfs.at("pd"), "/pd"), bind(VOLUME, VOLUME)]);
        command.arg("box").args(words);
        command
    }

    fn start(&self) -> Result<Actor> {
        let mut actor = Actor::start(&self.name, &mut self.run(&["/bin/guard-act", "serve"]))?;
        actor.perform(&["nothing".to_owned()]).context("the container does not run")?;
        Ok(actor)
    }

    /// The one below its parent: no other container has the same.
    fn cgroup(&self) -> Result<String> {
        for entry in fs::read_dir(format!("{CGROUPS}{}", self.parent))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with("libpod-") && !name.starts_with("libpod-conmon") {
                return Ok(format!("{}/{name}", self.parent));
            }
        }
        bail!("no container's cgroup is below {}", self.parent)
    }

    fn exec(&self, words: &[&str]) -> Result<i32> {
        let words = [&["exec", &self.name], words].concat();
        Ok(end_within(&mut podman(&words), LIMIT)?.code())
    }
}

fn governed_in(world: &mut World) -> Result<()> {
    image()?;
    let write = ["/bin/guard-act", "write", "/pd/p"];
    // Outside: the same container where no rule takes it.
    let control = Container::new("free", "/free_parent");
    let ended = end_within(&mut control.run(&write), LIMIT)?;
    ensure!(ended.code() == 0 && fs::read(Spot::Tmpfs.p())? != WHOLE, "control: {}", ended.said());
    let container = Container::new("boxed", "/libpod_parent");
    let mut actor = container.start()?;
    governed(world, &mut actor, &trials("/pd"))?;
    for line in
        ["create /tmp/own", "exec /bin/guard-act nothing", "read /proc/self/status", "write /dev/null"]
    {
        let outcome = actor.perform(&act(line).words)?;
        ensure!(outcome.code == 0, "over-blocked: `{line}` ended with {outcome:?}");
    }
    let code = container.exec(&write)?;
    ensure!(code == nix::libc::EACCES, "executed in it, the write ended with {code}");
    ensure!(fs::read(Spot::Tmpfs.p())? == WHOLE, "P was written");
    halted(&container)
}

fn halted(container: &Container) -> Result<()> {
    let cgroup = container.cgroup()?;
    let agent = agent_in(&cgroup)?;
    let name = agent["instance"]["agent"].as_str().context("no name")?.to_owned();
    let pid = pid_in(&cgroup)?;
    guard::ok(&["kill", "--agent", &name, "--mode", "terminate"])?;
    let result = until("its process is gone", LIMIT, || Ok(ended(pid)));
    guard::ok(&["recover", "--agent", &name, "--note", "the suite goes on"])?;
    result
}
