//! `guard status`: is everything in force, at a glance.

use std::fmt::Write as _;

use super::Places;
use super::failure::{Failure, Outcome};
use super::output::{print, print_json, printable, wrap};
use crate::control::client::{Client, unexpected};
use crate::control::wire::{self, Request, Response};

/// Tells what the daemon has in force.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  guard status
  guard status --json | jq .enforcing

Exit code: 0 if everything is in force; 1 if not, or if no daemon answers.")]
pub(crate) struct Status {
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

impl Status {
    /// Asks and tells.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        let response = Client::connect(&places.socket)?.ask(&Request::Status)?;
        let Response::Status(status) = response else { return Err(unexpected(&response).into()) };
        if self.json { print_json(&status) } else { print(&render(&status)) }?;
        if status.enforcing { Ok(()) } else { Err(Failure::told()) }
    }
}

fn render(status: &wire::Status) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        for (index, part) in wrap(&printable(value), 64).iter().enumerate() {
            let _ = writeln!(text, "{:14}{part}", if index == 0 { name } else { "" });
        }
    };
    line("enforcement", if status.enforcing { "in force" } else { "NOT in force" });
    for missing in &status.missing {
        line("", missing);
    }
    let policy = &status.policy;
    line("policy", &format!("generation {}, {}", policy.generation, policy.source));
    line("  sha256", &policy.sha256);
    for root in &policy.unresolved {
        line("", &format!("unresolved: {root}"));
    }
    for note in &policy.notes {
        line("", &format!("note: {note}"));
    }
    line("kill switch", &kill(&status.kill));
    if !status.killed_agents.is_empty() {
        line("", &format!("on for {}", status.killed_agents.join(", ")));
    }
    line("surfaces off", &list(&status.surfaces_off));
    line("agents", &format!("{} alive", status.agents_alive));
    line("verdicts", &format!("{} allowed, {} refused", status.allowed, status.denied));
    if status.lost > 0 {
        line("", &format!("{} events found their ring full; the ledger has the gaps", status.lost));
    }
    line("kernel memory", &format!("{:.1} MiB", status.kernel_memory_bytes as f64 / f64::from(1 << 20)));
    for (fault, count) in &status.faults {
        line("kernel faults", &format!("{fault}: {count}"));
    }
    line("ledger", &format!("{} entries", status.ledger_entries));
    line("  key", &status.ledger_key);
    if let Some(error) = &status.ledger_error {
        line("", &format!("CANNOT WRITE: {error}"));
    }
    line("daemon", &format!("version {}", status.version));
    text
}

fn kill(mode: &str) -> String {
    match mode {
        "run" => "off".to_owned(),
        mode => format!("ON for every agent ({mode}); `guard recover --note CAUSE` lifts it"),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Policy;

    fn status() -> wire::Status {
        wire::Status {
            version: "0.1.0".into(),
            enforcing: true,
            missing: Vec::new(),
            policy: Policy {
                generation: 4,
                sha256: "ab".repeat(32),
                source: "embedded default".into(),
                unresolved: Vec::new(),
                notes: Vec::new(),
                by: None,
            },
            surfaces_off: Vec::new(),
            kill: "run".into(),
            killed_agents: Vec::new(),
            agents_alive: 2,
            ledger_entries: 17,
            ledger_key: "cd".repeat(32),
            ledger_error: None,
            allowed: 1,
            denied: 2,
            lost: 0,
            kernel_memory_bytes: 12 << 20,
            faults: Vec::new(),
        }
    }

    #[test]
    fn a_quiet_host_shows_its_policy_and_that_nothing_is_off() {
        let text = render(&status());
        for expected in ["enforcement   in force\n", "generation 4, embedded default", "kill switch   off\n"]
        {
            assert!(text.contains(expected), "{text}");
        }
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn what_is_wrong_is_not_overlooked() {
        let mut status = status();
        status.enforcing = false;
        status.missing = vec!["program path_unlink is not attached".into()];
        status.kill = "terminate".into();
        status.killed_agents = vec!["ada".into()];
        status.ledger_error = Some("No space left on device".into());
        status.lost = 3;
        let text = render(&status);
        for expected in [
            "NOT in force",
            "path_unlink",
            "ON for every agent (terminate)",
            "on for ada",
            "CANNOT WRITE: No space",
            "3 events",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }
}
