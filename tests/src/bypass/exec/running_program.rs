//! X as somebody outside runs it: `/proc` has a link to what a process is running.

use std::ffi::CString;
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::Result;
use guard_common::{Operation, Surface};
use nix::unistd::execv;

use super::execve::ended;
use super::{EXEC, PLAIN, Refusal, Spot, Trick, Who, marked_at};
use crate::act::process::argv;
use crate::act::{Args, way_alone};
use crate::harness::case::Undo;
use crate::harness::fixture::USER;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("exec-running", exec_running)],
    python: None,
    cases: || {
        let sentence = "a_program_that_runs_elsewhere_cannot_be_run_through_proc";
        let places = [(Spot::Tmpfs, Who::User), (Spot::Ext4, Who::Root)];
        marked_at(places, "E64", sentence, EXEC, "exec-running {w}/pid touch {mark}", PLAIN)
            .prepared(running)
            .each(|case| case.refusal = looks_into(case.who))
    },
};

/// `exec-running FILE ARGS…`: what the process runs whose id FILE holds.
fn exec_running(args: &Args, _: &mut dyn Write) -> std::io::Result<()> {
    let pid = fs::read_to_string(args.path(0)?)?;
    let program = CString::new(format!("/proc/{}/exe", pid.trim()))?;
    // It is a program of many names.
    let words: Vec<_> = [c"busybox".to_owned()].into_iter().chain(argv(args, 1)?).collect();
    ended(execv(&program, &words))
}

/// The link is of somebody else's process; root needs a capability to follow it.
fn looks_into(who: Who) -> Refusal {
    match who {
        Who::User => Refusal::no_edge(Surface::Ipc, Operation::Trace),
        Who::Root => Refusal::no_edge(Surface::Admin, Operation::Capability),
    }
}

struct Running(Child);

fn running(spot: Spot) -> Result<Undo> {
    let mut command = Command::new(spot.x());
    let child = command.args(["sleep", "60"]).uid(USER).gid(USER).stdin(Stdio::null()).spawn()?;
    fs::write(spot.w("pid"), child.id().to_string())?;
    Ok(Box::new(Running(child)))
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
