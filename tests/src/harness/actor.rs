//! A process that tries acts for the harness, inside an agent or outside, and is one agent for all of them.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::act::serve::{How, Order, Outcome};

/// Longest that one act may take.
const ACT_LIMIT: Duration = Duration::from_secs(60);

/// A serving process. Dropping it ends it.
#[derive(Debug)]
pub struct Actor {
    name: String,
    child: Child,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
    errors: String,
}

impl Actor {
    /// Starts a command that ends in `guard-act serve` or in the Python one.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        let errors = format!("/tmp/guardtest-{name}.err");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors)?)
            .spawn()
            .with_context(|| format!("cannot start the actor {name}: {command:?}"))?;
        let (tell, answers) = channel();
        let out = child.stdout.take().context("no pipe from the actor")?;
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        let orders = child.stdin.take();
        Ok(Self { name: name.to_owned(), child, orders, answers, errors })
    }

    /// The process that was started: for an agent, the launcher, which becomes its program or stays its parent.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tries one act.
    pub fn perform(&mut self, words: &[String]) -> Result<Outcome> {
        self.order(words, How::Apart)
    }

    /// Tries one act in the way that is asked for.
    pub fn order(&mut self, words: &[String], how: How) -> Result<Outcome> {
        self.send(words, how)?;
        self.answer()
    }

    /// Asks for an act without waiting for its answer.
    pub fn send(&mut self, words: &[String], how: How) -> Result<()> {
        let order = serde_json::to_string(&Order { words: words.to_vec(), how })?;
        let orders = self.orders.as_mut().context("the actor has been told to end")?;
        writeln!(orders, "{order}")
            .and_then(|()| orders.flush())
            .with_context(|| format!("actor {} is gone", self.name))
    }

    /// The next answer.
    pub fn answer(&mut self) -> Result<Outcome> {
        match self.answers.recv_timeout(ACT_LIMIT) {
            Ok(line) => {
                serde_json::from_str(&line).with_context(|| format!("actor {} said {line:?}", self.name))
            }
            Err(RecvTimeoutError::Timeout) => {
                bail!("actor {} did not answer within {ACT_LIMIT:?}", self.name)
            }
            Err(RecvTimeoutError::Disconnected) => {
                let ended = self.child.try_wait()?;
                Err(anyhow!("actor {} ended: {ended:?}{}", self.name, self.last_words()))
            }
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.errors).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("; it said: {}", lines[lines.len().saturating_sub(6)..].join(" | "))
    }

    /// Whether its process has ended.
    pub fn ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for its process, after closing its input.
    pub fn finish(&mut self) -> Result<std::process::ExitStatus> {
        self.orders = None;
        Ok(self.child.wait()?)
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.orders = None;
        // It may be frozen or gone: either way nothing of it may stay.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
