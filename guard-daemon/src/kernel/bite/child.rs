//! The probe's process, from outside: started, labelled, heard out, and never left behind.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::ProbeError;
use super::inside::{READY, Told};
use super::scene::Namespaces;

/// How long it may be silent. It needs milliseconds; an emulated machine a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Prober {
    process: Child,
    out: ChildStdout,
    heard: Vec<u8>,
}

impl Prober {
    /// Starts it; it is done with its first turn when this returns.
    pub(super) fn start(folder: &Path, namespaces: Namespaces) -> Result<Self, ProbeError> {
        let mut command = Command::new("/proc/self/exe");
        command.arg("doctor-probe").arg("--folder").arg(folder);
        command.args(["--outside", &std::process::id().to_string()]);
        if namespaces == Namespaces::Own {
            command.arg("--own-namespaces");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(ProbeError::Start)?;
        let out = process.stdout.take().ok_or(ProbeError::Silent)?;
        let mut prober = Self { process, out, heard: Vec::new() };
        match prober.line()? {
            Some(line) if line == READY => Ok(prober),
            _ => Err(prober.broke()),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The second turn.
    pub(super) fn finish(mut self) -> Result<Vec<Told>, ProbeError> {
        let mut go = self.process.stdin.take().ok_or(ProbeError::Silent)?;
        go.write_all(b"!").map_err(ProbeError::Start)?;
        let mut told = Vec::new();
        while let Some(line) = self.line()? {
            told.push(Told::parse(&line).ok_or(ProbeError::Silent)?);
        }
        let status = self.process.wait().map_err(ProbeError::Start)?;
        if status.success() { Ok(told) } else { Err(self.broke()) }
    }

    /// The next line; `None` at the end.
    fn line(&mut self) -> Result<Option<String>, ProbeError> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
            }
            let left = until.saturating_duration_since(Instant::now());
            let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let mut polled = [PollFd::new(self.out.as_fd(), PollFlags::POLLIN)];
            if poll(&mut polled, left).unwrap_or(0) == 0 && Instant::now() >= until {
                return Err(ProbeError::Silent);
            }
            let mut bytes = [0; 4096];
            match self.out.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => self.heard.extend(bytes.iter().take(count)),
                Err(error) => return Err(ProbeError::Start(error)),
            }
        }
    }

    /// Why it ended.
    fn broke(&mut self) -> ProbeError {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let mut said = String::new();
        if let Some(mut err) = self.process.stderr.take() {
            let _ = err.read_to_string(&mut said);
        }
        ProbeError::Broke(said.trim().to_owned())
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
