//! Units of the service manager, which is the guest's first process from the first one on. A unit's program serves
//! acts over two pipes with names.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::stat::Mode;

use crate::harness::actor::Actor;
use crate::harness::fixture::ACT;
use crate::harness::runner::Skip;
use crate::harness::shell::{end, sh, until};

/// Units that last until the next boot.
const UNITS: &str = "/run/systemd/system";
/// The named pipes.
const PIPES: &str = "/run/guardtest";
/// The unit that the guest's first process is told to reach: nothing but itself.
const TARGET: &str = "guard-vm.target";

/// How long the service manager may take, under software emulation.
const LIMIT: Duration = Duration::from_secs(90);

/// Makes the service manager the first process, where it is not.
pub(super) fn manager() -> Result<()> {
    if Path::new("/run/systemd/private").exists() {
        return Ok(());
    }
    if !Path::new("/run/guard-vm/pid1").exists() {
        return Err(Skip("this is no guest whose first process makes way".to_owned()).into());
    }
    fs::create_dir_all(UNITS)?;
    fs::write(format!("{UNITS}/{TARGET}"), "[Unit]\nDefaultDependencies=no\n")?;
    sh("kill -USR1 1")?;
    until("the service manager answers", LIMIT, || Ok(systemctl(&["list-units"]).is_ok()))
}

/// Runs `systemctl`, which must succeed.
pub(super) fn systemctl(words: &[&str]) -> Result<String> {
    let ended = end(Command::new("systemctl").args(words))?;
    ensure!(ended.code() == 0, "`systemctl {}` failed: {}", words.join(" "), ended.said());
    Ok(ended.out)
}

/// A unit. Dropping it stops it, and takes it away.
pub(super) struct Service(String);

impl Service {
    /// Describes a unit whose program serves acts, and does not start it.
    pub(super) fn serving(name: &str, more: &str) -> Result<Self> {
        fs::create_dir_all(PIPES)?;
        for end in ["in", "out"] {
            let pipe = format!("{PIPES}/{name}.{end}");
            let _ = fs::remove_file(&pipe);
            nix::unistd::mkfifo(pipe.as_str(), Mode::S_IRWXU)?;
        }
        Self::with(
            name,
            &format!(
                "ExecStart={ACT} serve\nStandardInput=file:{PIPES}/{name}.in\n\
                 StandardOutput=file:{PIPES}/{name}.out\nStandardError=null\n{more}"
            ),
        )
    }

    /// Describes a unit.
    pub(super) fn with(name: &str, service: &str) -> Result<Self> {
        manager()?;
        let text = format!(
            "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n[Service]\nKillSignal=SIGKILL\n{service}\n"
        );
        fs::write(format!("{UNITS}/{name}.service"), text)?;
        // No name comes twice: the manager has not read it yet.
        Ok(Self(name.to_owned()))
    }

    /// Starts it, for acts.
    pub(super) fn start(&self) -> Result<Actor> {
        let Self(name) = self;
        let mut bridge = Command::new("sh");
        let lines = format!("cat {PIPES}/{name}.out & exec cat > {PIPES}/{name}.in");
        let mut actor = Actor::start(name, bridge.args(["-c", &lines]))?;
        systemctl(&["start", "--no-block", name])?;
        actor.perform(&["nothing".to_owned()]).with_context(|| format!("unit {name} does not run"))?;
        Ok(actor)
    }

    /// Starts it, and waits until it has come as far as it comes.
    pub(super) fn launch(&self) -> Result<()> {
        systemctl(&["start", &self.0]).map(drop)
    }

    /// One of its properties.
    pub(super) fn property(&self, name: &str) -> Result<String> {
        Ok(systemctl(&["show", "--value", "-p", name, &self.0])?.trim().to_owned())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let Self(name) = self;
        // Whatever is left of it goes with the guest.
        let _ = systemctl(&["stop", name]);
        let _ = fs::remove_file(format!("{UNITS}/{name}.service"));
    }
}
