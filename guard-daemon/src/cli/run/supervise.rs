//! The outer process's loop: starts the inner one, waits for its end, stops and goes on as it does. One rule: the
//! shell that started `guard run` sees what it would see of the program itself.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread::{self, JoinHandle};

use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgrp, tcgetpgrp};

use super::channel::{Outer, Ready};
use super::signals::{Act, Signals, die_by};
use super::watch::Watching;
use super::{Run, inside};
use crate::cli::Places;
use crate::cli::failure::Failure;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With this code.
    Exited(u8),
    /// By this signal.
    Signaled(i32),
}

impl End {
    /// Ends as the program did: by the same signal, or with the code that is returned.
    pub(super) fn pass_on(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => die_by(signal),
        }
    }
}

/// A program that runs as an agent, or is about to.
#[derive(Debug)]
pub(super) struct Running<'a> {
    program: Pid,
    signals: Signals,
    /// A thread of its own, so that Ctrl-Z works from the first moment on.
    watching: JoinHandle<Result<Option<Watching>, Failure>>,
    stopped: bool,
    places: &'a Places,
}

/// Starts the inner process.
pub(super) fn start<'a>(run: &Run, places: &'a Places) -> Result<Running<'a>, Failure> {
    let signals = Signals::take().map_err(io::Error::from)?;
    let channel = Outer::open()?;
    // The very same binary, even where its file was replaced meanwhile.
    let child = Command::new("/proc/self/exe")
        .arg0("guard")
        .args(inside::arguments(run, places, channel.lent()))
        .spawn()
        .map_err(|error| Failure::new(format!("cannot start the agent's process: {error}")))?;
    let program = Pid::from_raw(child.id().cast_signed());
    let (ready, places_too) = (channel.inherited(), places.clone());
    let watching = thread::spawn(move || watch(ready, &places_too));
    Ok(Running { program, signals, watching, stopped: false, places })
}

/// Watches as soon as there is an agent, and then lets its program start. `None` where the inner process ended
/// before it became one; it has said why. On a failure the pipe closes, and the inner process ends.
fn watch(mut channel: Ready, places: &Places) -> Result<Option<Watching>, Failure> {
    let Some(instance) = channel.instance()? else { return Ok(None) };
    let watching = Watching::start(places, &instance)?;
    channel.go()?;
    Ok(Some(watching))
}

impl Running<'_> {
    /// Waits for the program's end, passing signals on meanwhile.
    pub(super) fn finish(mut self) -> Result<End, Failure> {
        let end = loop {
            match self.signals.next(self.program).map_err(io::Error::from)? {
                Act::Reap => {}
                Act::Forward(Signal::SIGCONT) if !self.stopped => {}
                // It may have ended a moment ago; the next turn finds that out.
                Act::Forward(signal) => drop(kill(self.program, signal)),
                Act::Nothing => continue,
            }
            if let Some(end) = self.reap()? {
                break end;
            }
        };
        match self.watching.join() {
            Ok(Ok(Some(watching))) => watching.finish(self.places),
            Ok(Ok(None)) => {}
            Ok(Err(failure)) => return Err(failure),
            Err(_) => return Err(Failure::new("the watch over the agent broke down")),
        }
        Ok(end)
    }

    fn reap(&mut self) -> Result<Option<End>, Failure> {
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED;
        loop {
            match waitpid(self.program, Some(flags)).map_err(io::Error::from)? {
                WaitStatus::Exited(_, code) => return Ok(Some(End::Exited(code.to_le_bytes()[0]))),
                WaitStatus::Signaled(_, signal, _) => return Ok(Some(End::Signaled(signal as i32))),
                WaitStatus::Stopped(_, by) => {
                    self.stopped = true;
                    self.stop_too(by);
                }
                WaitStatus::Continued(_) => self.stopped = false,
                WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_) => {}
                WaitStatus::StillAlive => return Ok(None),
            }
        }
    }

    /// Stops as the program did, so that the shell takes its terminal back; returns when the shell continues it.
    fn stop_too(&mut self, by: Signal) {
        // Whoever stops the program with SIGSTOP where no shell controls the job would leave this process stopped
        // for ever: nobody would think of continuing it.
        if by != Signal::SIGSTOP || in_foreground() {
            let _ = raise(Signal::SIGSTOP);
            // A shell continues the whole group; a program that moved to another one must be told.
            let _ = kill(self.program, Signal::SIGCONT);
        }
    }
}

fn in_foreground() -> bool {
    std::fs::File::open("/dev/tty").is_ok_and(|terminal| tcgetpgrp(terminal) == Ok(getpgrp()))
}
