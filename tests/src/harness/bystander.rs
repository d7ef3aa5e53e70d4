//! A process outside any agent that attacks aim at: a function of a trick's Python file. It leaves a note for attackers
//! with what they have to know, and tells whoever looks what has become of it.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::case::{Undo, Who};
use super::fixture::{self, PYTHON, SECRET};
use super::guard;
use super::shell::until;

/// What attackers have to know: numbers and names, with spaces between.
pub const NOTE: &str = "/guardtest/bystander/note";
/// Stands in its environment.
pub const SECRET_NAME: &str = "GUARDTEST_SECRET";

const FOLDER: &str = "/guardtest/bystander";
/// Where it answers who looks.
const ASK: &str = "/guardtest/bystander/ask";
/// Longest that a living one may take for an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// Longest that a killed one may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(20);
/// Time for what was done to it to show.
const SETTLE: Duration = Duration::from_millis(30);

/// One for each user: a fork of a running Python is ready in a tenth of the time that a new one takes.
static PARENTS: Mutex<Option<HashMap<Who, Parent>>> = Mutex::new(None);

struct Parent {
    _child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

struct Bystander(Pid);

/// Starts `module.function ARGS…` as an ordinary process; it ends when what is returned is dropped.
pub fn stands_by(who: Who, line: &str) -> Result<Undo> {
    Ok(Box::new(start(who, line)?))
}

/// The same in a cgroup of its own.
pub fn stands_by_in(cgroup: &str, line: &str) -> Result<Undo> {
    fs::create_dir_all(cgroup)?;
    fs::write(format!("{cgroup}/cgroup.freeze"), "0")?;
    let bystander = start(Who::User, line)?;
    guard::enter(cgroup, u32::try_from(bystander.0.as_raw())?)?;
    Ok(Box::new(bystander))
}

fn start(who: Who, line: &str) -> Result<Bystander> {
    fixture::folder(FOLDER)?;
    // Those of the one before; there is none at first.
    let _ = (fs::remove_file(ASK), fs::remove_file(NOTE));
    let mut parents = PARENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let parents = parents.get_or_insert_default();
    let mut parent = match parents.remove(&who) {
        Some(parent) => parent,
        None => Parent::new(who)?,
    };
    let bystander = parent.bear(line).with_context(|| format!("the bystander `{line}`"))?;
    parents.insert(who, parent);
    Ok(bystander)
}

impl Parent {
    fn new(who: Who) -> Result<Self> {
        let mut command: Command = guard::as_user(who, "python3");
        command.args(["-B", &format!("{PYTHON}/bystander.py"), NOTE, ASK]);
        command.env(SECRET_NAME, SECRET).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start Python")?;
        let orders = child.stdin.take().context("no pipe")?;
        let answers = BufReader::new(child.stdout.take().context("no pipe")?);
        Ok(Self { _child: child, orders, answers })
    }

    fn bear(&mut self, line: &str) -> Result<Bystander> {
        writeln!(self.orders, "{line}")?;
        let mut ready = String::new();
        self.answers.read_line(&mut ready)?;
        let pid = ready.trim().parse().with_context(|| format!("it said {ready:?}"))?;
        Ok(Bystander(Pid::from_raw(pid)))
    }
}

/// What it says of itself; `gone` and `silent` are answers too.
pub fn seen() -> Result<String> {
    std::thread::sleep(SETTLE);
    let Ok(mut asked) = UnixStream::connect(ASK) else { return Ok("gone".to_owned()) };
    asked.set_read_timeout(Some(ANSWER_LIMIT))?;
    let mut said = String::new();
    match asked.read_to_string(&mut said) {
        Ok(0) => Ok("gone".to_owned()),
        Ok(_) => Ok(said),
        Err(_) => Ok("silent".to_owned()),
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        // An attack may have ended it. One that stays shows in the next case, which finds its names taken.
        let _ = kill(self.0, Signal::SIGKILL);
        let folder = format!("/proc/{}", self.0);
        let _ = until("the bystander is gone", END_LIMIT, || Ok(!Path::new(&folder).exists()));
    }
}
