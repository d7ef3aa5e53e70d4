//! `guard kill`: one order halts all autonomous execution. Needs nobody's help: it flips the pinned map itself,
//! then freezes or kills cgroups, and owes the record to a daemon that lives now or later. Each mechanism is told
//! as it was requested and as it was read back.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use guard_common::map::switch::{KILL_ALL, KillMode};
use serde::Serialize;

use super::Places;
use super::failure::{Failure, Outcome};
use super::output::{Table, print, print_json};
use crate::app;
use crate::control::client::Client;
use crate::control::orders;
use crate::control::peer::{self, Peer};
use crate::control::wire::Request;
use crate::kernel::{self, AgentCgroup, Cgroups, Halted, Labelled, Labels, PinFolder, Switches};
use crate::model::record::Kill as Order;

/// How long processes may take to stand still or to be gone.
const CONFIRM_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);
/// The order is in force by now; a daemon that hangs must not keep the operator waiting.
const DAEMON_LIMIT: Duration = Duration::from_secs(5);

/// Halts agents at once. Works with the daemon dead.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo guard kill                          every agent stands still; nothing is lost
  sudo guard kill --mode terminate         every agent's processes are killed
  sudo guard kill --agent ada

From the first moment the kernel refuses whatever the agents try, and no new agent starts. The
order stands over restarts and reboots until `guard recover --note CAUSE` lifts it.

Exit code: 0 if every mechanism was confirmed by reading it back, 1 if not.")]
pub(crate) struct Kill {
    /// Only this agent [default: every agent]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// freeze: they stand still until `guard recover`; terminate: they end
    #[arg(long, value_enum, default_value = "freeze")]
    mode: Mode,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    Freeze,
    Terminate,
}

/// What was done, and what came of it.
#[derive(Debug, Serialize)]
struct Report {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// Since when it holds in the kernel, in nanoseconds since boot.
    #[serde(with = "crate::model::decimal")]
    at_boot_ns: u64,
    confirmed: bool,
    mechanisms: Vec<Mechanism>,
}

#[derive(Debug, Serialize)]
struct Mechanism {
    mechanism: String,
    requested: String,
    found: String,
    confirmed: bool,
}

impl Mechanism {
    fn new(name: impl Into<String>, requested: &str, found: Result<String, String>) -> Self {
        let confirmed = found.is_ok();
        let found = found.unwrap_or_else(|error| error);
        Self { mechanism: name.into(), requested: requested.to_owned(), found, confirmed }
    }
}

impl Mode {
    fn word(self) -> KillMode {
        match self {
            Self::Freeze => KillMode::Freeze,
            Self::Terminate => KillMode::Terminate,
        }
    }
}

impl Kill {
    /// Orders and reports.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        if !nix::unistd::Uid::effective().is_root() {
            return Err(Failure::new("only root can flip the kill switch").hint("run it with sudo"));
        }
        let mode = self.mode.word();
        // The map before everything else: from here on every hook refuses.
        let mut mechanisms = match &self.agent {
            None => vec![flip("kill word, every agent", KILL_ALL, mode)],
            Some(_) => Vec::new(),
        };
        let mut stands_already = false;
        if let Some(agent) = &self.agent {
            // Before what lives is looked for: a unit that is started again finds it.
            let halted = halt_newcomers(agent, mode);
            stands_already = halted.as_ref().is_ok_and(|before| *before != KillMode::Run);
            let stronger = |before| if before == KillMode::Terminate { before } else { mode };
            let found = halted.map(|before| stronger(before).name().to_owned());
            mechanisms.push(Mechanism::new("new instances", mode.name(), found));
        }
        let cgroups = match cgroups(places, self.agent.as_deref()) {
            Ok(Living::These { cgroups, unseen }) => {
                // Of those that were found, each is halted.
                mechanisms.extend(unseen.map(|why| Mechanism::new("cgroups", mode.name(), Err(why))));
                cgroups
            }
            // Ended, and what comes under its name begins halted.
            Ok(Living::Nobody { .. }) if stands_already => Vec::new(),
            Ok(Living::Nobody { agent, there }) => {
                forget_newcomers(&agent)?;
                return Err(nobody(&agent, &there));
            }
            // With the word flipped the rest is still worth doing.
            Err(failure) => {
                mechanisms.push(Mechanism::new("cgroups", mode.name(), Err(failure.message)));
                Vec::new()
            }
        };
        if self.agent.is_some() {
            mechanisms.extend(cgroups.iter().map(|cgroup| flip_one(cgroup, mode)));
        }
        // From here on it holds for everybody it is for.
        let at_boot_ns = kernel::boot_ns();
        mechanisms.extend(halt(&cgroups, self.mode));
        mechanisms.push(stragglers(&cgroups, self.agent.is_none(), self.mode));
        mechanisms.extend(record(places, self.agent.as_deref(), mode, at_boot_ns));

        let confirmed = mechanisms.iter().all(|mechanism| mechanism.confirmed);
        let report = Report { mode: mode.name(), agent: self.agent, at_boot_ns, confirmed, mechanisms };
        if self.json { print_json(&report) } else { print(&render(&report)) }?;
        if confirmed { Ok(()) } else { Err(Failure::told()) }
    }
}

/// Sets one kill word, never to a weaker one, and reads it back.
fn flip(name: &str, slot: u32, mode: KillMode) -> Mechanism {
    let flipped = Switches::open(&PinFolder::default()).and_then(|mut switches| {
        if switches.kill_mode(slot).ok() != Some(KillMode::Terminate) {
            switches.set_kill_mode(slot, mode)?;
        }
        switches.kill_mode(slot)
    });
    let found = match flipped {
        Ok(found) if found == mode || found == KillMode::Terminate => Ok(found.name().to_owned()),
        Ok(found) => Err(found.name().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    Mechanism::new(name, mode.name(), found)
}

fn flip_one(cgroup: &AgentCgroup, mode: KillMode) -> Mechanism {
    let name = format!("kill word, {}", short(cgroup));
    match cgroup.slot() {
        Some(slot) => flip(&name, slot, mode),
        None => Mechanism::new(name, mode.name(), Err("its cgroup's name has no slot".to_owned())),
    }
}

/// New instances of the agent begin halted. Gives the word that stood against them before.
fn halt_newcomers(agent: &str, mode: KillMode) -> Result<KillMode, String> {
    Halted::open(&PinFolder::default())
        .and_then(|mut halted| halted.halt(agent.as_bytes(), mode))
        .map_err(|error| error.to_string())
}

/// Nobody of that name is there, and no order stood: none was given.
fn forget_newcomers(agent: &str) -> Result<(), Failure> {
    let lifted =
        Halted::open(&PinFolder::default()).and_then(|mut halted| halted.lift(Some(agent.as_bytes())));
    lifted.map_err(|error| Failure::new(error.to_string()))
}

fn nobody(agent: &str, there: &str) -> Failure {
    Failure::new(format!("there is no agent \"{agent}\"; nothing was done"))
        .hint(format!("agents (name.slot, or cgroup): {there}; `guard kill` alone halts them all"))
}

/// Whom an order finds.
enum Living {
    These {
        cgroups: Vec<AgentCgroup>,
        /// Why there may be others.
        unseen: Option<String>,
    },
    /// No instance of the agent; those of others.
    Nobody { agent: String, there: String },
}

/// The cgroups of one agent's instances, or of all.
fn cgroups(places: &Places, agent: Option<&str>) -> Result<Living, Failure> {
    let failed = |error: String| Failure::new(error);
    let own = Cgroups::open().map_err(|error| failed(error.to_string()))?;
    let mut all = own.all().map_err(|error| failed(error.to_string()))?;
    let known = app::known_agents(&places.state);
    let (enrolled, seen) = kernel::enrolled(&PinFolder::default(), &own, &known);
    all.extend(enrolled);
    let unseen = seen.err().map(|error| format!("not every agent's cgroup can be seen: {error}"));
    let Some(agent) = agent else { return Ok(Living::These { cgroups: all, unseen }) };
    let names: Vec<&str> = all.iter().map(short).collect();
    let there = if names.is_empty() { "none is there".to_owned() } else { names.join(", ") };
    all.retain(|cgroup| cgroup.is_of(agent));
    match (all.is_empty(), unseen) {
        (true, None) => Ok(Living::Nobody { agent: agent.to_owned(), there }),
        (true, Some(why)) => Err(failed(why)),
        (false, unseen) => Ok(Living::These { cgroups: all, unseen }),
    }
}

fn short(cgroup: &AgentCgroup) -> &str {
    cgroup.path().file_name().and_then(|name| name.to_str()).unwrap_or("?")
}

/// Orders all of them first, then waits for all.
fn halt(cgroups: &[AgentCgroup], mode: Mode) -> Vec<Mechanism> {
    let order = |cgroup: &AgentCgroup| match mode {
        Mode::Freeze => cgroup.freeze(true),
        Mode::Terminate => cgroup.kill(),
    };
    let ordered: Vec<_> = cgroups.iter().map(|cgroup| (cgroup, order(cgroup))).collect();
    let deadline = Instant::now() + CONFIRM_LIMIT;
    let report = |(cgroup, ordered): (&AgentCgroup, Result<(), kernel::EnrolError>)| {
        let (requested, state) = match mode {
            Mode::Freeze => ("freeze", "frozen"),
            Mode::Terminate => ("kill", "empty"),
        };
        let found = ordered.map_err(|error| error.to_string()).and_then(|()| wait(cgroup, mode, deadline));
        Mechanism::new(format!("cgroup {}", short(cgroup)), requested, found.map(|()| state.to_owned()))
    };
    ordered.into_iter().map(report).collect()
}

fn wait(cgroup: &AgentCgroup, mode: Mode, deadline: Instant) -> Result<(), String> {
    loop {
        let state = match mode {
            // Nothing is left in an empty one that could move.
            Mode::Freeze => cgroup.frozen().and_then(|frozen| Ok(frozen || !cgroup.populated()?)),
            Mode::Terminate => cgroup.populated().map(|populated| !populated),
        };
        match state {
            Ok(true) | Err(kernel::EnrolError::Vanished { .. }) => return Ok(()),
            Err(error) => return Err(error.to_string()),
            Ok(false) if Instant::now() >= deadline => {
                return Err(format!("not so after {} s", CONFIRM_LIMIT.as_secs()));
            }
            Ok(false) => thread::sleep(PAUSE),
        }
    }
}

/// Labelled processes that left their cgroup: told of, and killed where that was ordered.
fn stragglers(cgroups: &[AgentCgroup], all: bool, mode: Mode) -> Mechanism {
    const NAME: &str = "processes elsewhere";
    let slots: Vec<u32> = cgroups.iter().filter_map(AgentCgroup::slot).collect();
    let inside: Vec<u32> = cgroups.iter().flat_map(|cgroup| cgroup.pids().unwrap_or_default()).collect();
    let labels = match Labels::open(&PinFolder::default()) {
        Ok(labels) => labels,
        Err(error) => return Mechanism::new(NAME, "find", Err(error.to_string())),
    };
    let find = || -> Found {
        let mut found = Vec::new();
        let meant = |process: &Labelled| all || slots.contains(&process.label.agent);
        // One that nobody has waited for yet is dead all the same.
        let elsewhere = |process: &Labelled| !inside.contains(&process.pid) && !peer::is_zombie(process.pid);
        let seen = labels.each(|process| {
            if meant(&process) && elsewhere(&process) {
                found.push(process);
            }
        });
        (found, seen.map_err(|error| format!("not every process can be seen: {error}")))
    };
    match mode {
        Mode::Freeze => {
            let (found, seen) = find();
            let left = describe_left(&found);
            Mechanism::new(NAME, "find", seen.map_err(|why| format!("{why}; found: {left}")).map(|()| left))
        }
        Mode::Terminate => Mechanism::new(NAME, "kill", kill_until_none(find)),
    }
}

fn describe_left(found: &[Labelled]) -> String {
    match found {
        [] => "none".to_owned(),
        found => format!("{}: refused everything, not frozen; --mode terminate ends them", pids(found)),
    }
}

/// Who was found, whatever kept others from being looked at.
type Found = (Vec<Labelled>, Result<(), String>);

fn kill_until_none(find: impl Fn() -> Found) -> Result<String, String> {
    let deadline = Instant::now() + CONFIRM_LIMIT;
    let mut killed = 0;
    loop {
        let (found, seen) = find();
        if found.is_empty() {
            return seen
                .map(|()| if killed == 0 { "none".to_owned() } else { format!("none left of {killed}") });
        }
        if Instant::now() >= deadline {
            return Err(format!("still there: {}", pids(&found)));
        }
        killed = killed.max(found.len());
        for process in &found {
            // Who stays is found again, and told in the end.
            let _ = process.kill();
        }
        thread::sleep(PAUSE);
    }
}

fn pids(found: &[Labelled]) -> String {
    let pids: Vec<String> = found.iter().map(|process| process.pid.to_string()).collect();
    format!("process {}", pids.join(", "))
}

/// Journals the order and has a living daemon record it.
fn record(places: &Places, agent: Option<&str>, mode: KillMode, at: u64) -> Vec<Mechanism> {
    let journalled = journal(&places.state, agent, mode, at);
    let is_journalled = journalled.is_ok();
    let mut mechanisms = vec![Mechanism::new("journal", "order", journalled)];
    if is_journalled {
        let told = Client::connect(&places.socket).and_then(|mut client| {
            client.answer_within(DAEMON_LIMIT)?;
            client.order(&Request::KillGiven)
        });
        let found = match told {
            Ok(()) => Ok("recorded".to_owned()),
            Err(error) if error.is_not_running() => Ok("no daemon runs; the next one records it".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        mechanisms.push(Mechanism::new("ledger", "record", found));
    }
    mechanisms
}

fn journal(state: &Path, agent: Option<&str>, mode: KillMode, at: u64) -> Result<String, String> {
    let (uid, gid) = (nix::unistd::Uid::effective().as_raw(), nix::unistd::Gid::effective().as_raw());
    let by = Peer::of(uid, gid, std::process::id()).map_err(text)?.as_operator();
    let order = Order { agent: agent.map(str::to_owned), mode: mode.name().to_owned(), by, at };
    orders::write(state, &order).map_err(text).map(|_| "written".to_owned())
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}

fn render(report: &Report) -> String {
    let mut table = Table::new(&["MECHANISM", "REQUESTED", "CONFIRMED"]);
    for Mechanism { mechanism, requested, found, confirmed } in &report.mechanisms {
        let found = if *confirmed { found.clone() } else { format!("NOT CONFIRMED: {found}") };
        table.row([mechanism.clone(), requested.clone(), found]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_back_is_not_called_done() {
        let report = Report {
            mode: "freeze",
            agent: None,
            at_boot_ns: 1,
            confirmed: false,
            mechanisms: vec![
                Mechanism::new("kill word, every agent", "freeze", Ok("freeze".to_owned())),
                Mechanism::new("cgroup ada.1", "freeze", Err("not so after 5 s".to_owned())),
            ],
        };
        let text = render(&report);
        assert!(text.contains("kill word, every agent  freeze     freeze\n"), "{text}");
        assert!(
            text.contains("cgroup ada.1            freeze     NOT CONFIRMED: not so after 5 s\n"),
            "{text}"
        );
    }

    #[test]
    fn a_journalled_order_says_who_gave_it() {
        let state = tempfile::tempdir().unwrap();
        journal(state.path(), Some("ada"), KillMode::Terminate, 5).unwrap();
        let (_, order) = orders::pending(state.path()).unwrap().remove(0);
        assert_eq!((order.agent.as_deref(), order.mode.as_str(), order.at), (Some("ada"), "terminate", 5));
        assert_eq!(order.by.pid, std::process::id());
    }

    #[test]
    fn without_a_daemon_the_order_is_journalled_and_that_is_enough() {
        let state = tempfile::tempdir().unwrap();
        let places = Places { socket: state.path().join("none"), state: state.path().to_owned() };
        let mechanisms = record(&places, None, KillMode::Freeze, 5);
        assert!(mechanisms.iter().all(|mechanism| mechanism.confirmed), "{mechanisms:?}");
        assert_eq!(orders::pending(state.path()).unwrap().len(), 1);
    }
}
