//! Running commands of the machine, with limits, and telling what they said when they fail.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How long any single command may take, under software emulation.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(150);

/// What a command left.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Its exit status; -1 where a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Everything it wrote.
    pub fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// Runs a command to its end.
pub fn end(command: &mut Command) -> Result<Ended> {
    end_within(command, COMMAND_LIMIT)
}

/// Runs a command to its end or kills it.
pub fn end_within(command: &mut Command, limit: Duration) -> Result<Ended> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    wait(child.with_context(|| format!("cannot start {command:?}"))?, limit)
        .with_context(|| format!("{command:?}"))
}

/// Waits for a child whose output is piped.
pub fn wait(mut child: Child, limit: Duration) -> Result<Ended> {
    let (out, err) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("did not end within {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |reader: std::thread::JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Ended { status, out: text(out), err: text(err) })
}

fn collect(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            // A pipe that breaks ends the text; the exit status tells the rest.
            let _ = from.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Runs a command line of the fixture's, which must succeed. Words are split at spaces.
pub fn sh(line: &str) -> Result<()> {
    let mut words = line.split_whitespace();
    let ended = end(Command::new(words.next().context("empty command line")?).args(words))?;
    ensure!(ended.status.success(), "`{line}` failed: {}", ended.said());
    Ok(())
}

/// Waits until something holds.
pub fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !holds()? {
        ensure!(started.elapsed() < limit, "waited {limit:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
