//! A daemon for the life of one command, so that trying guard takes one command. Only root gets one. When it ends,
//! what it put in force stays in force for whatever the program left behind.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Places;
use super::failure::Failure;
use crate::control::client::Client;
use crate::control::wire::Request;

/// Loading and verifying the kernel programs takes a second or so; under emulation on a busy machine, a minute.
const READY_LIMIT: Duration = Duration::from_secs(300);
/// How long a daemon may take to write down what it still has.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(30);
/// Most of a failed daemon's complaints that are shown.
const SAID_BYTES_MAX: u64 = 16 << 10;

/// A daemon of this command.
#[derive(Debug)]
pub(super) struct Daemon {
    // Its standard input is a pipe of this process: it learns of this process's end, however that comes.
    child: Child,
    said: File,
}

impl Daemon {
    /// Starts it for the life of this `what`, and waits until it answers.
    pub(super) fn start(places: &Places, what: &str) -> Result<Self, Failure> {
        let binary = binary()?;
        let _ = writeln!(
            io::stderr(),
            "guard: no daemon runs here; starting one for the life of this {what} ({})",
            binary.display()
        );
        let said: File = memfd_create("guardd-said", MFdFlags::MFD_CLOEXEC).map_err(io::Error::from)?.into();
        let child = Command::new(&binary)
            .arg("--ephemeral")
            .args(places.for_daemon())
            .current_dir("/")
            // Ctrl-C and Ctrl-Z are for the program.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(said.try_clone()?)
            .spawn()
            .map_err(|error| Failure::new(format!("cannot start {}: {error}", binary.display())))?;
        let mut daemon = Self { child, said };
        match daemon.wait_until_ready(&places.socket) {
            Ok(()) => Ok(daemon),
            Err(failure) => {
                daemon.stop();
                Err(failure)
            }
        }
    }

    fn wait_until_ready(&mut self, socket: &Path) -> Result<(), Failure> {
        let deadline = Instant::now() + READY_LIMIT;
        while Instant::now() < deadline {
            let ended = self.child.try_wait()?;
            // Asked after the look at the child: one that lost a race against another daemon ends, and the other
            // one's answer is as good.
            if Client::connect(socket).and_then(|mut client| client.ask(&Request::Status)).is_ok() {
                return Ok(());
            }
            if let Some(status) = ended {
                return Err(self.failure(status));
            }
            thread::sleep(PAUSE);
        }
        let said = self.said();
        Err(Failure::new(format!("the daemon was not ready within {} s{said}", READY_LIMIT.as_secs())))
    }

    fn failure(&mut self, status: ExitStatus) -> Failure {
        let said = self.said();
        Failure::new(format!("the daemon did not start ({status}); nothing was run{said}"))
            .hint("`guard doctor` says what this host lacks")
    }

    /// What it printed, to be shown below a message.
    fn said(&mut self) -> String {
        let mut said = Vec::new();
        let read = self.said.rewind().and_then(|()| (&self.said).take(SAID_BYTES_MAX).read_to_end(&mut said));
        match String::from_utf8_lossy(&said).trim_end() {
            "" => String::new(),
            text if read.is_ok() => format!("; it said:\n{text}"),
            _ => String::new(),
        }
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn stop(mut self) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        let deadline = Instant::now() + STOP_LIMIT;
        // Not reaped yet, so the number is still its own.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill(pid, Signal::SIGTERM);
        }
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= deadline {
                let _ = writeln!(
                    io::stderr(),
                    "guard: the daemon (process {pid}) does not end; it was left running"
                );
                return;
            }
            thread::sleep(PAUSE);
        }
    }
}

/// The daemon that belongs to this `guard`: the one beside it.
fn binary() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let daemon = own.with_file_name("guardd");
    if daemon.is_file() {
        return Ok(daemon);
    }
    Err(Failure::new(format!("no daemon runs, and there is no {} to start", daemon.display()))
        .hint("install `guardd` beside `guard`, or start the daemon yourself"))
}
