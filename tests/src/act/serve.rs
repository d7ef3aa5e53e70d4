//! A process that tries one thing after another for whoever holds its standard input: one enrolment, many acts.

use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use nix::unistd::gettid;
use serde::{Deserialize, Serialize};

use super::{Way, code, needs_process, perform, usage, way};

/// See the module.
pub const WAYS: &[Way] = &[way("serve", |_, _| serve())];

/// One act to try.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// A way and its arguments.
    pub words: Vec<String>,
    /// How to run it.
    pub how: How,
}

/// How an act is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// In a thread of its own, or in a process where the way changes it.
    Apart,
    /// In a process of its own that nobody waits for.
    Background,
    /// In the serving process: needs no new task.
    Here,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The thread that acted, which is its process's id where that was made for it; 0 where none could be made.
    pub tid: u32,
    /// Exit status: 0 or an errno.
    pub code: i32,
    /// The signal that ended it, 0 for none.
    pub signal: i32,
    /// What it wrote.
    pub out: String,
}

fn serve() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?).map_err(|error| usage(&error.to_string()))?;
        let outcome = obey(&order);
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &outcome)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}

fn obey(order: &Order) -> Outcome {
    let words = &order.words;
    match order.how {
        How::Apart if words.first().is_some_and(|name| needs_process(name)) => in_process(words),
        How::Apart => in_thread(words),
        How::Background => command(words)
            .stdout(Stdio::null())
            .spawn()
            .map(|child| Outcome { tid: child.id(), ..Outcome::default() }),
        How::Here => Ok(here(words)),
    }
    .unwrap_or_else(|error| Outcome { code: code(&error), ..Outcome::default() })
}

fn command(words: &[String]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(words).stdin(Stdio::null());
    command
}

fn in_process(words: &[String]) -> io::Result<Outcome> {
    let child = command(words).stdout(Stdio::piped()).spawn()?;
    let tid = child.id();
    let ended = child.wait_with_output()?;
    Ok(Outcome {
        tid,
        code: ended.status.code().unwrap_or(0),
        signal: ended.status.signal().unwrap_or(0),
        out: String::from_utf8_lossy(&ended.stdout).into_owned(),
    })
}

fn in_thread(words: &[String]) -> io::Result<Outcome> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, || here(words))?;
        thread.join().map_err(|_| usage("the thread panicked"))
    })
}

fn here(words: &[String]) -> Outcome {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let mut out = Vec::new();
    let code = perform(&words, &mut out).map_or_else(|error| code(&error), |()| 0);
    let out = String::from_utf8_lossy(&out).into_owned();
    Outcome { tid: gettid().as_raw().cast_unsigned(), code, signal: 0, out }
}
