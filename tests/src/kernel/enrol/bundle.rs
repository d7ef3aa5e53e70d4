//! Containers made of a bundle, as an engine hands them to its runtime: a root with little in it, and a description.
//! Whatever the container sees of the host is mounted for it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Trial, trials};
use crate::harness::actor::Actor;
use crate::harness::fixture::{ACT, MARKS, PROGRAM};
use crate::harness::shell::end;
use crate::harness::{Spot, Who, guard};

/// Every bundle, and the root that they share.
pub(super) const TOP: &str = "/guardtest/tmpfs/boxes";
pub(super) const ROOT: &str = "/guardtest/tmpfs/boxes/root";

/// A container runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runtime {
    Crun,
    Runc,
}

impl Runtime {
    fn command(self) -> Command {
        match self {
            Self::Crun => {
                let mut command = guard::as_user(Who::Root, "crun");
                command.arg("--cgroup-manager=cgroupfs");
                command
            }
            Self::Runc => guard::as_user(Who::Root, "runc"),
        }
    }
}

/// A container, described and not started.
pub(super) struct Bundle {
    name: String,
    folder: String,
    runtime: Runtime,
}

impl Bundle {
    /// A container in this cgroup whose program serves acts.
    pub(super) fn serving(runtime: Runtime, name: &str, cgroup: &str) -> Result<Self> {
        Self::with(runtime, name, cgroup, &["/bin/guard-act", "serve"])
    }

    /// A container in this cgroup that runs something else.
    pub(super) fn with(runtime: Runtime, name: &str, cgroup: &str, words: &[&str]) -> Result<Self> {
        build_root()?;
        let folder = format!("{TOP}/{name}");
        fs::create_dir_all(&folder)?;
        let description = serde_json::to_string(&describe(cgroup, words))?;
        fs::write(format!("{folder}/config.json"), description)?;
        Ok(Self { name: name.to_owned(), folder, runtime })
    }

    /// Runs it in the foreground.
    pub(super) fn run(&self) -> Command {
        let mut command = self.runtime.command();
        command.args(["run", "--bundle", &self.folder, &self.name]);
        command
    }

    /// Runs it, for acts.
    pub(super) fn start(&self) -> Result<Actor> {
        let mut actor = Actor::start(&self.name, &mut self.run())?;
        actor.perform(&["nothing".to_owned()]).context("the container does not run")?;
        Ok(actor)
    }

    /// Runs something more in it.
    pub(super) fn exec(&self, words: &[&str]) -> Command {
        let mut command = self.runtime.command();
        command.args(["exec", &self.name]).args(words);
        command
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = end(self.runtime.command().args(["delete", "--force", &self.name]));
    }
}

/// What a container has for its own: the acting program with its libraries, and a shell.
pub(super) fn build_root() -> Result<()> {
    if Path::new(ROOT).exists() {
        return Ok(());
    }
    for folder in
        ["bin", "lib64", "lib/x86_64-linux-gnu", "proc", "dev", "sys", "etc", "tmp", "pd", "w", "xd", "marks"]
    {
        fs::create_dir_all(format!("{ROOT}/{folder}"))?;
    }
    fs::copy(ACT, format!("{ROOT}/bin/guard-act"))?;
    let libraries = end(Command::new("ldd").arg(ACT))?.out;
    for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
        fs::copy(library, format!("{ROOT}{library}"))
            .with_context(|| format!("{library} cannot be copied"))?;
    }
    fs::copy(PROGRAM, format!("{ROOT}/bin/busybox"))?;
    // What runs a launcher as its payload.
    symlink("/proc/self/exe", format!("{ROOT}/bin/self"))?;
    fs::copy(ACT, format!("{ROOT}/bin/crun"))?;
    Ok(())
}

/// What to try in a container, by the names that these have there.
pub(super) fn inside() -> Vec<Trial> {
    trials("/pd", "/w", "/xd", "/marks")
}

fn describe(cgroup: &str, words: &[&str]) -> Value {
    let bind = |source: &str, target: &str| json!({"destination": target, "type": "bind", "source": source, "options": ["rbind", "rw"]});
    let all = json!(["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETUID", "CAP_SETGID"]);
    json!({
        "ociVersion": "1.0.0",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": words,
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": {"bounding": all, "effective": all, "permitted": all, "inheritable": []},
        },
        "root": {"path": ROOT, "readonly": false},
        "hostname": "box",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
            bind(&Spot::Tmpfs.at("pd"), "/pd"),
            bind(&Spot::Tmpfs.at("w"), "/w"),
            bind(&Spot::Tmpfs.at("xd"), "/xd"),
            bind(MARKS, "/marks"),
        ],
        // The network and the processes are the host's: a record names who acted by the host's numbers.
        "linux": {
            "namespaces": [{"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "cgroup"}],
            "cgroupsPath": cgroup,
        },
    })
}
