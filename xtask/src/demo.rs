//! `cargo xtask demo`: the main job, shown on a kernel that can enforce: this host's own, else a stock one in a
//! VM. Decides where; what is shown is tests/demo/demo.py.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::kernel::Kernel;
use crate::sh::say;
use crate::vm::{self, Job};
use crate::{build, checkout, setup};

const SCRIPT: &str = "tests/demo/demo.py";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show it in a VM with this kernel, whatever the host's own can do.
    #[arg(long)]
    kernel: Option<Kernel>,
}

pub(crate) fn main(Args { kernel }: Args) -> Result<i32> {
    build::all()?;
    ensure!(checkout::root().join(SCRIPT).is_file(), "{SCRIPT} is not in this checkout");
    let kernel = match kernel {
        Some(asked) => asked,
        None if host_is_free() => return on_host(),
        None => {
            say(
                "this host cannot enforce, or guards already, or this is not root (`guard doctor`): a VM it is",
            );
            Kernel::V6_12
        }
    };
    setup::ensure(setup::Need::Vm)?;
    say(&format!("demo on a stock {} kernel in a VM", kernel.name()));
    let job = Job::new(vec!["python3".to_owned(), SCRIPT.to_owned()]);
    Ok(vm::status(vm::run(kernel, &job)?.end))
}

fn on_host() -> Result<i32> {
    say("demo on this host's own kernel, which can enforce");
    let path = format!("{}:{}", checkout::bin_dir().display(), std::env::var("PATH").unwrap_or_default());
    let mut script = Command::new("python3");
    script.arg(SCRIPT).current_dir(checkout::root()).env("PATH", path);
    let status = script.status().context("cannot start python3")?;
    Ok(status.code().unwrap_or(1))
}

/// Whether this host can enforce and nothing of guard is loaded on it: the demo starts a daemon of its own, and
/// flips the kill switch for every agent there is. Only root can tell.
fn host_is_free() -> bool {
    let doctor = Command::new(checkout::bin_dir().join("guard"))
        .args(["doctor", "--json"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let report: serde_json::Value =
        doctor.ok().and_then(|doctor| serde_json::from_slice(&doctor.stdout).ok()).unwrap_or_default();
    nix::unistd::geteuid().is_root() && report["can_enforce"] == true && report["not_loaded"] == true
}
