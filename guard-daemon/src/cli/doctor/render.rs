//! The report of `guard doctor` as text: what is well in few lines, what is not in one each.

use std::fmt::Write as _;

use super::{Check, Report};
use crate::cli::output::{printable, wrap};

pub(super) fn render(report: &Report) -> String {
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
                group(&mut text, "program", "programs attached", &plain);
                group(&mut text, "map", "maps pinned", &plain);
                lines(&mut text, &telling);
            }
            _ => lines(&mut text, &checks),
        }
    }
    if report.bites.is_some() {
        probed(&mut text, report);
    }
    let _ = writeln!(text, "\n{}", verdict(report));
    text
}

fn probed(text: &mut String, report: &Report) {
    let checks: Vec<&Check> = report.checks.iter().filter(|check| check.part == "probe").collect();
    let (plain, telling): (Vec<_>, Vec<_>) = checks.into_iter().partition(|check| check.is_plain());
    let _ = writeln!(text, "Probe");
    group(text, "refuses", "programs refuse", &plain);
    group(text, "works", "programs at work", &plain);
    lines(text, &telling);
}

/// Checks of one kind of which there is nothing to tell but that they are well.
fn group(text: &mut String, kind: &str, title: &str, checks: &[&Check]) {
    let names: Vec<&str> =
        checks.iter().filter_map(|check| check.name.strip_prefix(kind)?.strip_prefix(' ')).collect();
    let title = format!("{} {title}", names.len());
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
    let Check { name, ok, found, mend, .. } = check;
    let indent = 7 + width + 2;
    let lines = wrap(&printable(found), 80_usize.saturating_sub(indent).max(30));
    let mark = match ok {
        Some(true) => "ok",
        Some(false) => "FAIL",
        None => "-",
    };
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
    format!("{host}; {state}{}", bites(report))
}

fn bites(report: &Report) -> String {
    let is_toothless = report.checks.iter().any(|check| check.part == "probe" && check.ok == Some(false));
    match (report.bites, report.untried()) {
        (None, _) => String::new(),
        (Some(true), 0) => "\nEvery program bites.".to_owned(),
        (Some(true), untried) => format!(
            "\nEvery program that was tried bites. Not known of {untried}, which could not be tried: see the lines \
             marked -."
        ),
        (Some(false), _) if is_toothless => {
            "\nNot every program bites: do not run agents here. See the lines marked FAIL.".to_owned()
        }
        (Some(false), _) => "\nNo program could be tried: whether any bites is not known.".to_owned(),
    }
}
