//! `guard doctor`: can this host enforce, and is enforcement in force? Two questions, told apart. Changes nothing; with
//! `--probe` it tries what is in force, and where nothing is, what would be.

pub(crate) mod probe;
mod render;

use guard_common::limits::HEARTBEAT_STALE_NS;
use serde::Serialize;

use super::Places;
use super::ephemeral::Daemon;
use super::failure::{Failure, Outcome};
use super::output::{print, print_json};
use crate::control::client::Client;
use crate::control::wire::Request;
use crate::kernel::{self, Maps, PinFolder, probe as host};
use render::render;

/// What mends a daemon that is not there.
const START: &str =
    "start it: `systemctl start guardd` where it is installed as a unit, else `guardd` as root";

/// Says whether this host can enforce, whether it does, and what to do where not.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo guard doctor
  sudo guard doctor --in-force && ./start-agents
  sudo guard doctor --probe                     does each kernel program refuse what it should?
  sudo guard doctor --json | jq '.checks[] | select(.ok | not)'

Exit code: 0 if this host can enforce and nothing that was put in force is missing; 1 otherwise.
Before the daemon's first start nothing is in force, and that is no fault: with --in-force it is.

--probe starts a process that may do nothing, and has it try one harmless act for each program; a
program that lets its act pass is named, and the exit code is 1. One whose act cannot be tried on
this host is named too, and changes no exit code: whether it bites is not known, and in JSON its `ok`
is null. Where none can be tried the exit code is 1. Nothing of the policy changes; the
ledger keeps the refusals, as those of agent guard-doctor. Where nothing is in force, a daemon puts
it in force for as long as the probe takes.")]
pub(crate) struct Doctor {
    /// Demand that enforcement is in force and the daemon alive
    #[arg(long)]
    in_force: bool,
    /// Try each kernel program with a harmless act that it must refuse
    #[arg(long)]
    probe: bool,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Whether the host has all that guard needs.
    can_enforce: bool,
    /// Whether every program is attached and every map pinned.
    in_force: bool,
    /// Whether nothing of guard is in the kernel at all.
    not_loaded: bool,
    /// Whether the daemon lives.
    daemon_alive: bool,
    /// Whether there are programs that were tried, and all of them did what they are there for; absent without a probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    bites: Option<bool>,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    /// `host`, `enforcement`, `daemon` or `probe`.
    part: &'static str,
    name: String,
    /// `null` where nobody can tell: a program that could not be tried.
    ok: Option<bool>,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Check {
    fn of(part: &'static str, check: host::Check) -> Self {
        let host::Check { name, ok, found, mend } = check;
        Self { part, name, ok: Some(ok), found, mend }
    }

    fn is_ok(&self) -> bool {
        self.ok == Some(true)
    }

    /// Whether it is well and one of many of its kind.
    fn is_plain(&self) -> bool {
        let kinds = ["program ", "map ", "refuses ", "works "];
        self.is_ok() && kinds.iter().any(|kind| self.name.starts_with(kind))
    }

    fn daemon(name: &str, found: Result<String, String>) -> Self {
        let (ok, mend) = (found.is_ok(), found.is_err().then(|| START.to_owned()));
        let found = found.unwrap_or_else(|error| error);
        Self { part: "daemon", name: name.to_owned(), ok: Some(ok), found, mend }
    }
}

impl Doctor {
    /// Looks and tells.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        let report = if self.probe { probed(places)? } else { examine(places) };
        if self.json { print_json(&report) } else { print(&render(&report)) }?;
        if report.is_well(self.in_force) { Ok(()) } else { Err(Failure::told()) }
    }
}

/// Where nothing is in force there is nothing to try: a daemon puts it in force for as long as the probe takes.
fn probed(places: &Places) -> Result<Report, Failure> {
    probe::demand_root()?;
    let mut report = examine(places);
    let daemon = if report.can_enforce && report.not_loaded {
        let daemon = Daemon::start(places, "probe")?;
        report = examine(places);
        Some(daemon)
    } else {
        None
    };
    let checks = probe::checks(&PinFolder::default());
    if let Some(daemon) = daemon {
        daemon.stop();
    }
    report.add_probe(checks?);
    Ok(report)
}

impl Report {
    fn add_probe(&mut self, checks: Vec<Check>) {
        let mut tried = checks.iter().filter_map(|check| check.ok).peekable();
        self.bites = Some(tried.peek().is_some() && tried.all(|ok| ok));
        self.checks.extend(checks);
    }

    /// Programs of which the probe cannot tell whether they bite.
    fn untried(&self) -> usize {
        self.checks.iter().filter(|check| check.ok.is_none()).count()
    }

    fn is_well(&self, demand_in_force: bool) -> bool {
        if self.bites == Some(false) {
            return false;
        }
        if demand_in_force {
            return self.can_enforce && self.in_force && self.daemon_alive;
        }
        self.can_enforce && (self.in_force || self.not_loaded)
    }
}

fn examine(places: &Places) -> Report {
    let pins = PinFolder::default();
    let part = |part, checks: Vec<host::Check>| checks.into_iter().map(move |check| Check::of(part, check));
    let host: Vec<Check> = part("host", host::host()).collect();
    let optional = optional(host::digests());
    let enforcement: Vec<Check> = part("enforcement", host::enforcement(&pins)).collect();
    let daemon = vec![heartbeat(&pins), socket(places)];
    let all_ok = |checks: &[Check]| checks.iter().all(Check::is_ok);
    Report {
        can_enforce: all_ok(&host),
        in_force: all_ok(&enforcement),
        not_loaded: is_absent(pins.root()),
        daemon_alive: all_ok(&daemon),
        bites: None,
        checks: host.into_iter().chain([optional]).chain(enforcement).chain(daemon).collect(),
    }
}

/// What only some policies need: where it is not there, such a policy is refused, and nothing else is amiss.
fn optional(check: host::Check) -> Check {
    let host::Check { name, ok, found, mend } = check;
    let needed = format!("{found}: a policy with `digests` is refused here; {}", mend.unwrap_or_default());
    Check { part: "host", name, ok: Some(true), found: if ok { found } else { needed }, mend: None }
}

/// Only what is certainly not there: a folder that may not be looked into may hold anything.
fn is_absent(folder: &std::path::Path) -> bool {
    matches!(folder.symlink_metadata(), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

fn heartbeat(pins: &PinFolder) -> Check {
    let beat = Maps::open(pins).and_then(|maps| maps.last_beat()).map_err(|error| error.to_string());
    let found = beat.and_then(|beat| {
        let age = kernel::boot_ns().saturating_sub(beat);
        let age_text = format!("{}.{} s ago", age / 1_000_000_000, age / 100_000_000 % 10);
        if beat == 0 {
            Err("none yet".to_owned())
        } else if age > HEARTBEAT_STALE_NS {
            Err(format!("{age_text}: the daemon is dead or hangs; the kernel goes on refusing"))
        } else {
            Ok(age_text)
        }
    });
    Check::daemon("heartbeat", found)
}

fn socket(places: &Places) -> Check {
    let answer = Client::connect(&places.socket).and_then(|mut client| client.ask(&Request::Status));
    let found = answer.map(|_| format!("answers at {}", places.socket.display()));
    Check::daemon("admin socket", found.map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::bite::{Bite, Seen};

    fn report(can_enforce: bool, in_force: bool, not_loaded: bool, daemon_alive: bool) -> Report {
        let check = |part, ok: bool| Check {
            part,
            name: format!("{part} thing"),
            ok: Some(ok),
            found: "something".to_owned(),
            mend: (!ok).then(|| "mend it".to_owned()),
        };
        let checks =
            vec![check("host", can_enforce), check("enforcement", in_force), check("daemon", daemon_alive)];
        Report { can_enforce, in_force, not_loaded, daemon_alive, bites: None, checks }
    }

    #[test]
    fn a_host_that_can_enforce_is_well_before_the_first_start_unless_more_is_demanded() {
        let fresh = report(true, false, true, false);
        assert!(fresh.is_well(false) && !fresh.is_well(true));
        assert!(render(&fresh).contains("not loaded: start guardd"));
    }

    #[test]
    fn a_host_that_cannot_enforce_is_never_well_and_says_what_mends_it() {
        let broken = report(false, false, true, false);
        assert!(!broken.is_well(false) && !broken.is_well(true));
        assert!(render(&broken).contains("FAIL host thing  something\n       -> mend it\n"));
    }

    #[test]
    fn something_missing_of_what_was_loaded_is_never_well() {
        let partly = report(true, false, false, true);
        assert!(!partly.is_well(false) && !partly.is_well(true));
        assert!(render(&partly).contains("NOT complete"));
    }

    #[test]
    fn what_is_well_is_summed_up_and_what_is_not_stands_in_a_line_of_its_own() {
        let check = |name: &str, found: &str, ok| Check {
            part: "enforcement",
            name: name.to_owned(),
            ok: Some(ok),
            found: found.to_owned(),
            mend: (!ok).then(|| "start it".to_owned()),
        };
        let mut report = report(true, false, false, true);
        report.checks = vec![
            check("program file_open", "attached to LSM hook file_open, program 3", true),
            check("program path_link", "attached to LSM hook path_link, program 4", true),
            check("map KILL", "not pinned", false),
        ];
        let text = render(&report);
        assert!(text.contains("ok   2 programs attached     file_open, path_link\n"), "{text}");
        assert!(text.contains("FAIL map KILL  not pinned\n       -> start it\n"), "{text}");
    }

    #[test]
    fn a_dead_daemon_leaves_enforcement_in_force_and_is_told() {
        let orphaned = report(true, true, false, false);
        assert!(orphaned.is_well(false) && !orphaned.is_well(true));
        assert!(render(&orphaned).contains("in force without a daemon"));
        assert!(report(true, true, false, true).is_well(true));
    }

    fn probed(seen: &[Seen]) -> Report {
        let mut report = report(true, true, false, true);
        let bite = |seen: &Seen| Bite { program: "file_open", what: "opening", seen: seen.clone() };
        report.add_probe(seen.iter().map(|seen| probe::check(bite(seen))).collect());
        report
    }

    #[test]
    fn what_could_not_be_tried_is_told_and_counts_neither_way() {
        let untried = || Seen::Untried("there is no such call".to_owned());
        let all = probed(&[Seen::Refused, Seen::AtWork]);
        assert!(all.is_well(true) && render(&all).ends_with("\nEvery program bites.\n"));
        let most = probed(&[Seen::Refused, untried()]);
        let text = render(&most);
        assert!(most.is_well(true), "{text}");
        assert!(text.contains("-    untried file_open  opening: not tried: there is no such call"), "{text}");
        assert!(
            text.ends_with("Not known of 1, which could not be tried: see the lines marked -.\n"),
            "{text}"
        );
        let json = serde_json::to_string(&most).unwrap();
        assert!(json.contains(r#""name":"untried file_open","ok":null"#), "{json}");
        let none = probed(&[untried()]);
        assert!(!none.is_well(false) && render(&none).contains("No program could be tried"));
        let toothless = probed(&[Seen::Refused, untried(), Seen::Toothless("it was done".to_owned())]);
        assert!(!toothless.is_well(false) && render(&toothless).contains("Not every program bites"));
    }
}
