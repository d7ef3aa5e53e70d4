//! `guard doctor`: can this host enforce, and is enforcement in force? Two questions, told apart. Changes nothing.

use std::fmt::Write as _;

use guard_common::limits::HEARTBEAT_STALE_NS;
use serde::Serialize;

use super::Places;
use super::failure::{Failure, Outcome};
use super::output::{print, print_json, printable, wrap};
use crate::control::client::Client;
use crate::control::wire::Request;
use crate::kernel::{self, Maps, PinFolder, probe};

/// What mends a daemon that is not there.
const START: &str =
    "start it: `systemctl start guardd` where it is installed as a unit, else `guardd` as root";

/// Says whether this host can enforce, whether it does, and what to do where not.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo guard doctor
  sudo guard doctor --in-force && ./start-agents
  sudo guard doctor --json | jq '.checks[] | select(.ok | not)'

Exit code: 0 if this host can enforce and nothing that was put in force is missing; 1 otherwise.
Before the daemon's first start nothing is in force, and that is no fault: with --in-force it is.")]
pub(crate) struct Doctor {
    /// Demand that enforcement is in force and the daemon alive
    #[arg(long)]
    in_force: bool,
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
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    /// `host`, `enforcement` or `daemon`.
    part: &'static str,
    name: String,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Check {
    fn of(part: &'static str, check: probe::Check) -> Self {
        let probe::Check { name, ok, found, mend } = check;
        Self { part, name, ok, found, mend }
    }

    /// Whether it is well and one of many of its kind.
    fn is_plain(&self) -> bool {
        self.ok && (self.name.starts_with("program ") || self.name.starts_with("map "))
    }

    fn daemon(name: &str, found: Result<String, String>) -> Self {
        let (ok, mend) = (found.is_ok(), found.is_err().then(|| START.to_owned()));
        let found = found.unwrap_or_else(|error| error);
        Self { part: "daemon", name: name.to_owned(), ok, found, mend }
    }
}

impl Doctor {
    /// Looks and tells.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        let report = examine(places);
        if self.json { print_json(&report) } else { print(&render(&report)) }?;
        if report.is_well(self.in_force) { Ok(()) } else { Err(Failure::told()) }
    }
}

impl Report {
    fn is_well(&self, demand_in_force: bool) -> bool {
        if demand_in_force {
            return self.can_enforce && self.in_force && self.daemon_alive;
        }
        self.can_enforce && (self.in_force || self.not_loaded)
    }
}

fn examine(places: &Places) -> Report {
    let pins = PinFolder::default();
    let part = |part, checks: Vec<probe::Check>| checks.into_iter().map(move |check| Check::of(part, check));
    let host: Vec<Check> = part("host", probe::host()).collect();
    let enforcement: Vec<Check> = part("enforcement", probe::enforcement(&pins)).collect();
    let daemon = vec![heartbeat(&pins), socket(places)];
    let all_ok = |checks: &[Check]| checks.iter().all(|check| check.ok);
    Report {
        can_enforce: all_ok(&host),
        in_force: all_ok(&enforcement),
        not_loaded: is_absent(pins.root()),
        daemon_alive: all_ok(&daemon),
        checks: host.into_iter().chain(enforcement).chain(daemon).collect(),
    }
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

fn render(report: &Report) -> String {
    let mut text = String::new();
    for (part, title) in [("host", "Host"), ("enforcement", "Enforcement"), ("daemon", "Daemon")] {
        let checks: Vec<&Check> = report.checks.iter().filter(|check| check.part == part).collect();
        let _ = writeln!(text, "{title}");
        match (part, report.not_loaded) {
            ("enforcement", true) => {
                let _ = writeln!(text, "  -    {} programs and maps: not loaded: start guardd", checks.len());
            }
            ("daemon", true) if !report.daemon_alive => {
                let _ = writeln!(text, "  -    not running");
            }
            ("enforcement", false) => {
                let (plain, telling): (Vec<_>, Vec<_>) =
                    checks.into_iter().partition(|check| check.is_plain());
                group(&mut text, "program", "attached", &plain);
                group(&mut text, "map", "pinned", &plain);
                lines(&mut text, &telling);
            }
            _ => lines(&mut text, &checks),
        }
    }
    let _ = writeln!(text, "\n{}", verdict(report));
    text
}

/// Checks of one kind of which there is nothing to tell but that they are well.
fn group(text: &mut String, kind: &str, state: &str, checks: &[&Check]) {
    let names: Vec<&str> =
        checks.iter().filter_map(|check| check.name.strip_prefix(kind)?.strip_prefix(' ')).collect();
    let title = format!("{} {kind}s {state}", names.len());
    for (index, names) in wrap(&names.join(", "), 48).iter().enumerate() {
        let (mark, title) = if index == 0 { ("ok", title.as_str()) } else { ("", "") };
        let _ = writeln!(text, "  {mark:4} {title:22}  {names}");
    }
}

fn lines(text: &mut String, checks: &[&Check]) {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    checks.iter().for_each(|check| line(text, check, width));
}

fn line(text: &mut String, check: &Check, width: usize) {
    let Check { part: _, name, ok, found, mend } = check;
    let indent = 7 + width + 2;
    let lines = wrap(&printable(found), 80_usize.saturating_sub(indent).max(30));
    let mark = if *ok { "ok" } else { "FAIL" };
    for (index, found) in lines.iter().enumerate() {
        let _ = match index {
            0 => writeln!(text, "  {mark:4} {name:width$}  {found}"),
            _ => writeln!(text, "{:indent$}{found}", ""),
        };
    }
    if let Some(mend) = mend {
        // Whole: it is there to be copied.
        let _ = writeln!(text, "       -> {mend}");
    }
}

fn verdict(report: &Report) -> String {
    let Report { can_enforce, in_force, not_loaded, daemon_alive, .. } = report;
    let host = match (can_enforce, nix::unistd::geteuid().is_root()) {
        (true, _) => "This host can enforce",
        (false, true) => "This host cannot enforce",
        (false, false) => "Only root can tell whether this host can enforce: `sudo guard doctor`",
    };
    let state = match (in_force, not_loaded, daemon_alive) {
        (true, _, true) => "enforcement is in force, and the daemon lives.",
        (true, _, false) => "enforcement is in force without a daemon: nothing is recorded or told.",
        (false, true, _) => "nothing of guard is loaded; guardd loads it when it starts.",
        (false, false, _) => "enforcement is NOT complete: see the lines marked FAIL.",
    };
    format!("{host}; {state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(can_enforce: bool, in_force: bool, not_loaded: bool, daemon_alive: bool) -> Report {
        let check = |part, ok: bool| Check {
            part,
            name: format!("{part} thing"),
            ok,
            found: "something".to_owned(),
            mend: (!ok).then(|| "mend it".to_owned()),
        };
        let checks =
            vec![check("host", can_enforce), check("enforcement", in_force), check("daemon", daemon_alive)];
        Report { can_enforce, in_force, not_loaded, daemon_alive, checks }
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
            ok,
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
}
