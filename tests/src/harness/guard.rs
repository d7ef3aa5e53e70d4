//! guard as its users see it: `guard` and `guardd`, their exit statuses and their `--json`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::actor::Actor;
use super::case::{By, Profile, Who};
use super::fixture::{self, ACT, HELD, PYTHON, SOCKETS, Spot, USER, WORK};
use super::shell::{COMMAND_LIMIT, Ended, end, end_within, until};

/// The daemon's state, where nobody says otherwise.
pub const STATE: &str = "/var/lib/guard";
/// Where the daemon answers, where nobody says otherwise.
const SOCKET: &str = "/run/guard/admin.sock";
/// Where maps and links are pinned.
pub const PINS: &str = "/sys/fs/bpf/guard";
/// The suite's policy, as the daemon gets it.
pub const POLICY: &str = "/etc/guard/suite.toml";
/// The suite's policy.
pub const POLICY_TEXT: &str = include_str!("../../fixtures/suite.toml");
/// Longest start of a daemon: loading the programs under software emulation is the slow part.
const START_LIMIT: Duration = Duration::from_secs(300);
/// Where the network that D is in can be opened.
const NETWORK: &str = "/run/netns/guardtest";
const LOG: &str = "/tmp/guardtest-guardd.log";

/// Runs `guard ARGS…` to its end.
pub fn guard(words: &[&str]) -> Result<Ended> {
    end(Command::new("guard").args(words))
}

/// Runs a `guard` command that must succeed.
pub fn ok(words: &[&str]) -> Result<Ended> {
    ok_within(words, COMMAND_LIMIT)
}

/// Runs a `guard` command that must succeed, and may take long.
pub fn ok_within(words: &[&str], limit: Duration) -> Result<Ended> {
    let ended = end_within(Command::new("guard").args(words), limit)?;
    ensure!(ended.code() == 0, "`guard {}` ended with {}: {}", words.join(" "), ended.code(), ended.said());
    Ok(ended)
}

/// Runs a reading command with `--json` and takes its answer.
pub fn json(words: &[&str]) -> Result<Value> {
    let ended = ok(&[words, &["--json"]].concat())?;
    serde_json::from_str(&ended.out)
        .with_context(|| format!("`guard {} --json` is no JSON: {}", words.join(" "), ended.out))
}

/// Runs a `guard` command that must fail, and returns what it said.
pub fn fails(words: &[&str]) -> Result<Ended> {
    let ended = guard(words)?;
    ensure!(ended.code() != 0, "`guard {}` did not fail: {}", words.join(" "), ended.said());
    Ok(ended)
}

/// A connection to the daemon, as `guard` has one: for whom a command each time takes too long.
#[derive(Debug)]
pub struct Control(BufReader<UnixStream>);

impl Control {
    /// Connects to the daemon that runs.
    pub fn connect() -> Result<Self> {
        Ok(Self(BufReader::new(UnixStream::connect(SOCKET)?)))
    }

    /// Puts a policy in force.
    pub fn apply(&mut self, text: &str) -> Result<()> {
        self.ask(&json!({"request": "apply", "text": text, "source": "the suite"}), "applied")
    }

    /// Waits until everything that has happened is judged.
    pub fn settle(&mut self) -> Result<()> {
        self.ask(&json!({"request": "settle"}), "done")
    }

    fn ask(&mut self, request: &Value, wanted: &str) -> Result<()> {
        writeln!(self.0.get_mut(), "{request}")?;
        let mut answer = String::new();
        self.0.read_line(&mut answer)?;
        ensure!(answer.contains(&format!("\"response\":\"{wanted}\"")), "the daemon says {answer:?}");
        Ok(())
    }
}

/// A running `guardd`. Dropping it kills it, as a crash would.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts the daemon with the suite's policy and waits until it enforces.
    pub fn start() -> Result<Self> {
        Self::start_with(&["--policy", POLICY])
    }

    /// Starts the daemon with other arguments and waits until it enforces.
    pub fn start_with(words: &[&str]) -> Result<Self> {
        Self::start_until("guardd", words, enforces)
    }

    /// Starts another copy of the daemon's program with the suite's policy, and waits until it enforces.
    pub fn start_copy(program: &str) -> Result<Self> {
        Self::start_until(program, &["--policy", POLICY], enforces)
    }

    fn start_until(program: &str, words: &[&str], is_wanted: impl Fn(&str) -> bool) -> Result<Self> {
        // One that was killed leaves its socket behind.
        let stale = socket_made();
        let mut daemon = Self::launch_of(program, words)?;
        until("guardd enforces", START_LIMIT, || {
            if let Some(status) = daemon.child.try_wait()? {
                bail!("guardd ended with {status}: {}", log_tail());
            }
            // Asking in vain costs an emulated processor as much as the start itself.
            if socket_made() == stale {
                return Ok(false);
            }
            Ok(is_wanted(&guard(&["status", "--json"])?.out))
        })?;
        Ok(daemon)
    }

    /// Starts a daemon whose programs can be made to fail, and speak, and waits until it answers: it does not say that
    /// it enforces.
    pub fn start_faulty() -> Result<Self> {
        let words = ["--policy", POLICY, "--inject-faults", "--kernel-log", "info"];
        Self::start_lacking(&words, "faults are injected")
    }

    /// Starts a daemon that does not say that it enforces everything, and waits until it says what is amiss.
    pub fn start_lacking(words: &[&str], what: &str) -> Result<Self> {
        Self::start_until("guardd", words, |status| status.contains(what))
    }

    /// Starts the daemon and waits for nothing.
    pub fn launch(words: &[&str]) -> Result<Self> {
        Self::launch_of("guardd", words)
    }

    fn launch_of(program: &str, words: &[&str]) -> Result<Self> {
        let log = File::options().append(true).create(true).open(LOG)?;
        let child = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn();
        Ok(Self { child: child.context("cannot start guardd")? })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and wait until it is gone. It must have run until then.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        ensure!(
            status.signal() == Some(Signal::SIGKILL as i32),
            "guardd had ended with {status}: {}",
            log_tail()
        );
        Ok(())
    }

    /// SIGTERM; returns how it ended.
    pub fn stop(mut self) -> Result<std::process::ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        let mut status = None;
        until("guardd ends after SIGTERM", Duration::from_secs(20), || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })?;
        status.context("no status")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.pid())?), signal)?)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// When the socket that lies there was made.
fn socket_made() -> Option<SystemTime> {
    fs::metadata(SOCKET).and_then(|socket| socket.modified()).ok()
}

/// A `guardd` that is expected to refuse to start: how it ended and what it said.
pub fn refused_daemon(words: &[&str]) -> Result<Ended> {
    end_within(Command::new("guardd").args(words), Duration::from_secs(30))
}

/// Everything that daemons have said so far.
pub fn log() -> Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(LOG)?).into_owned())
}

fn enforces(status: &str) -> bool {
    let status: Value = serde_json::from_str(status).unwrap_or_default();
    status["enforcing"] == Value::Bool(true)
}

/// The last words of the daemon.
pub fn log_tail() -> String {
    let text = log().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// `guard run` for an agent of the suite, up to the `--`.
pub fn run(who: Who, name: &str, workdir: &Path) -> Command {
    run_of(Profile::Suite, who, name, workdir)
}

fn run_of(profile: Profile, who: Who, name: &str, workdir: &Path) -> Command {
    let mut command = as_user(who, "guard");
    command.args(["run", "--agent", name, "--profile", profile.name(), "--workdir"]).arg(workdir).arg("--");
    command
}

/// A program as the given user, outside any agent.
pub fn as_user(who: Who, program: &str) -> Command {
    let mut command = Command::new(program);
    if who == Who::User {
        command.uid(USER).gid(USER).env("HOME", "/home/guardtest").current_dir("/");
    }
    command
}

/// An agent's work folder, made where it is missing.
pub fn workdir(name: &str) -> Result<PathBuf> {
    let folder = format!("{WORK}/{name}");
    fixture::folder(&folder)?;
    Ok(PathBuf::from(folder))
}

/// An agent that serves acts.
pub fn agent(who: Who, name: &str, by: By) -> Result<Actor> {
    agent_of(Profile::Suite, who, name, by)
}

/// The same, of another profile.
pub fn agent_of(profile: Profile, who: Who, name: &str, by: By) -> Result<Actor> {
    let mut command = run_of(profile, who, name, &workdir(name)?);
    command.args(actor_words(by));
    let mut actor = Actor::start(name, &mut command)?;
    if by == By::Program {
        // It is an agent for sure, with its folders, once it has answered.
        actor.perform(&["nothing".to_owned()])?;
    }
    Ok(actor)
}

/// The same program outside any agent.
pub fn outsider(who: Who, by: By) -> Result<Actor> {
    Actor::start(&format!("outside-{}", who.name()), &mut served(who, by, &["env"]))
}

/// Moves a process into a cgroup, as root outside may.
pub fn enter(cgroup: &str, pid: u32) -> Result<()> {
    let procs = format!("{cgroup}/cgroup.procs");
    fs::write(&procs, pid.to_string()).with_context(|| format!("cannot write {procs}"))
}

/// The command of an actor, by way of a launcher. A holder has its files before the launcher comes.
pub fn served(who: Who, by: By, launcher: &[&str]) -> Command {
    let mut command = as_user(who, "bash");
    let start = match by {
        By::Program | By::Python => "exec \"$@\"".to_owned(),
        By::Holder => held(),
    };
    command.args(["-c", &start, "bash"]).args(launcher).args(actor_words(by));
    command
}

fn actor_words(by: By) -> Vec<String> {
    let actor = format!("{PYTHON}/actor.py");
    match by {
        By::Program => vec![ACT.to_owned(), "serve".to_owned()],
        By::Python | By::Holder => vec!["python3".to_owned(), "-B".to_owned(), actor],
    }
}

/// What opens what a holder holds, and goes on: files for writing in PD, the secrets for reading, from 20 on sockets that
/// are connected to D and to A, from 24 on ones that are connected to names below PD and below W, at 28 D's network.
fn held() -> String {
    let files = Spot::ALL.iter().enumerate().flat_map(|(at, spot)| {
        [format!("{}<>{}", 10 + 2 * at, spot.pd(HELD)), format!("{}<{}", 11 + 2 * at, spot.s())]
    });
    // Connecting a datagram socket sends nothing. Streams are counted before any case begins: an actor has started then.
    let sockets = [
        "20<>/dev/udp/10.99.0.2/7000",
        "21<>/dev/udp/10.99.0.1/7001",
        "22<>/dev/tcp/10.99.0.2/7000",
        "23<>/dev/tcp/10.99.0.1/7001",
    ]
    .map(str::to_owned);
    // One at a time: of several, bash keeps only the first beyond 9.
    let opened: String =
        files.chain(sockets).chain([format!("28<{NETWORK}")]).map(|one| format!("exec {one}; ")).collect();
    let (pd, w) = (Spot::Tmpfs.pd(SOCKETS), Spot::Tmpfs.w(SOCKETS));
    let names =
        format!("stream:{pd}/stream seqpacket:{pd}/seqpacket stream:{w}/stream seqpacket:{w}/seqpacket");
    format!("{opened}exec python3 -B {PYTHON}/holder.py 24 {names} -- \"$@\"")
}
