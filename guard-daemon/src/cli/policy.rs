//! `guard policy`: check a policy's text, see what it would change, put it in force.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Places;
use super::failure::{Failure, Outcome};
use super::output::{print, print_json, printable};
use crate::control::client::{Client, unexpected};
use crate::control::wire::{Request, Response};
use crate::model::record;
use crate::policy::{Change, Compiled, Lineage, Problem, Problems, Sources, diff, load};

/// Checks, compares and applies policies.
#[derive(Debug, clap::Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, clap::Subcommand)]
enum Order {
    /// Check policy files; needs neither root nor a daemon
    #[command(after_help = "\
Example:
  guard policy check policies/*.toml

Every problem is told with file, line, reason and what to do. Exit code: 0 if all are good, else 1.")]
    Check {
        /// Policy files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// A JSON array instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show what would change if a policy file were applied
    Diff {
        /// The policy file
        file: PathBuf,
        /// A JSON array instead of text
        #[arg(long)]
        json: bool,
    },
    /// Put a policy file in force, for running agents too, all of it at once
    #[command(after_help = "\
Example:
  sudo guard policy apply /etc/guard/policy.toml

Shows first what changes. A policy with any problem changes nothing.")]
    Apply {
        /// The policy file
        file: PathBuf,
        /// One JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show the policy in force
    Show {
        /// One JSON object, with generation and digest, instead of the text
        #[arg(long)]
        json: bool,
    },
}

impl Policy {
    /// Does it.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        match self.order {
            Order::Check { files, json } => check(&files, json),
            Order::Diff { file, json } => {
                let changes = diff(&in_force(places)?, &read(&file)?);
                if json { print_json(&changes) } else { print(&render_changes(&changes)) }
            }
            Order::Apply { file, json } => apply(&file, json, places),
            Order::Show { json } => show(json, places),
        }
    }
}

#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

fn check(files: &[PathBuf], json: bool) -> Outcome {
    let results: Vec<_> = files.iter().map(|file| (file.display().to_string(), load_file(file))).collect();
    let all_good = results.iter().all(|(_, result)| result.is_ok());
    if json {
        print_json(&results.into_iter().map(checked).collect::<Vec<_>>())?;
    } else {
        print(&results.iter().map(|(file, result)| render_check(file, result)).collect::<String>())?;
    }
    if all_good { Ok(()) } else { Err(Failure::told()) }
}

fn checked((file, result): (String, Result<Compiled, Problems>)) -> Checked {
    match result {
        Ok(policy) => Checked {
            file,
            ok: true,
            sha256: Some(policy.sha256().to_owned()),
            problems: Vec::new(),
            warnings: policy.warnings().to_vec(),
        },
        Err(Problems(problems)) => Checked { file, ok: false, sha256: None, problems, warnings: Vec::new() },
    }
}

fn render_check(file: &str, result: &Result<Compiled, Problems>) -> String {
    let mut text = String::new();
    let _ = match result {
        Ok(policy) => {
            for warning in policy.warnings() {
                let _ = writeln!(text, "warning: {warning}");
            }
            let (profiles, zones) = (policy.profiles().count(), policy.zones().count());
            writeln!(
                text,
                "{file}: good: {profiles} profiles, {zones} zones, {} edges",
                policy.edges().count()
            )
        }
        Err(problems) => writeln!(text, "{problems}"),
    };
    // A policy may come from anywhere, and its words stand in the complaints about it.
    text.lines().map(|line| printable(line) + "\n").collect()
}

fn load_file(file: &Path) -> Result<Compiled, Problems> {
    load(Sources::read(file)?, &Lineage::default())
}

fn read(file: &Path) -> Result<Compiled, Failure> {
    load_file(file).map_err(|problems| Failure::new(format!("nothing was changed:\n{problems}")))
}

fn ask(places: &Places) -> Result<(String, record::Policy), Failure> {
    let response = Client::connect(&places.socket)?.ask(&Request::Policy)?;
    let Response::Policy { text, policy } = response else { return Err(unexpected(&response).into()) };
    Ok((text, policy))
}

fn in_force(places: &Places) -> Result<Compiled, Failure> {
    let (text, policy) = ask(places)?;
    let sources = Sources::unbundle(&policy.source, &text);
    let compiled = sources.and_then(|sources| load(sources, &Lineage::default()));
    compiled.map_err(|problems| {
        Failure::new(format!("the policy in force is not one that this guard understands:\n{problems}"))
    })
}

#[derive(Debug, Serialize)]
struct Applied {
    /// Absent where the policy in force could not be compared with.
    changes: Option<Vec<Change>>,
    #[serde(flatten)]
    policy: record::Policy,
}

fn apply(file: &Path, json: bool, places: &Places) -> Outcome {
    let policy = read(file)?;
    let changes = in_force(places).map(|before| diff(&before, &policy));
    if !json {
        print(&match &changes {
            Ok(changes) => render_changes(changes),
            Err(failure) => format!("what changes cannot be told: {}\n", failure.message),
        })?;
    }
    let source = std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).display().to_string();
    let request = Request::Apply { text: policy.sources().bundle(), source };
    let response = Client::connect(&places.socket)?.ask(&request)?;
    let Response::Applied { policy } = response else {
        return Err(unexpected(&response).into());
    };
    if json {
        return print_json(&Applied { changes: changes.ok(), policy });
    }
    let mut text = String::new();
    for root in &policy.unresolved {
        let _ = writeln!(text, "unresolved: {}", printable(root));
    }
    for note in &policy.notes {
        let _ = writeln!(text, "note: {}", printable(note));
    }
    let _ = writeln!(text, "in force: generation {}, sha256 {}", policy.generation, policy.sha256);
    print(&text)
}

fn render_changes(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "nothing would change\n".to_owned();
    }
    changes.iter().map(|change| printable(&change.to_string()) + "\n").collect()
}

fn show(json: bool, places: &Places) -> Outcome {
    #[derive(Serialize)]
    struct Shown {
        policy: record::Policy,
        text: String,
    }
    let (text, policy) = ask(places)?;
    if json { print_json(&Shown { policy, text }) } else { print(&text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_good_policy_is_counted_and_a_bad_one_told_with_its_line() {
        let (_folder, good) = file("version = 1\n");
        assert!(render_check("p.toml", &load_file(&good)).contains("p.toml: good: 0 profiles"));
        let (_folder, bad) = file("version = 1\nprofil = 1\n");
        let text = render_check("p.toml", &load_file(&bad));
        assert!(text.contains("p.toml:2:"), "{text}");
        assert_eq!(check(&[good, bad], false).unwrap_err().code, 1);
    }

    #[test]
    fn a_policy_with_problems_is_not_sent_to_anybody() {
        let (_folder, bad) = file("nonsense");
        let places = Places { socket: "/nonexistent/s".into(), state: PathBuf::new() };
        let failure = apply(&bad, false, &places).unwrap_err();
        assert!(failure.message.starts_with("nothing was changed:"), "{failure}");
    }

    #[test]
    fn no_difference_is_said() {
        assert!(render_changes(&[]).contains("nothing would change"));
    }
}
