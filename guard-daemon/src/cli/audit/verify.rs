//! `guard audit verify`: is every record as it was signed? Needs the public key alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::place;
use crate::audit::{AnchorState, Place, PublicKey, Report, verify};
use crate::cli::Places;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output::{print, print_json, printable};

/// Verifies the ledger: names the first record that was changed, removed, moved or cut off.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo guard audit verify
  guard audit verify --db /mnt/evidence/guard --key ./host-a.pub

Without --key the key beside the ledger serves, which whoever changed the ledger may have changed,
too: keep a copy of ledger.pub elsewhere, and verify with that.

Exit code: 0 if everything is as it was signed; 1 if not, or if it cannot be read.")]
pub(crate) struct Verify {
    /// The public key: a file, or the key itself
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Another state folder, such as a copy [default: --state]
    #[arg(long, value_name = "FOLDER")]
    db: Option<PathBuf>,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Verifies and tells.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        let place = place(self.db.as_deref(), places);
        let key = key(self.key.as_deref(), &place)?;
        let report = verify(&place, &key)?;
        if self.json { print_json(&report) } else { print(&render(&report)) }?;
        if report.is_clean() { Ok(()) } else { Err(Failure::told()) }
    }
}

fn key(given: Option<&str>, place: &Place) -> Result<PublicKey, Failure> {
    let path = match given {
        Some(given) if Path::new(given).exists() => PathBuf::from(given),
        Some(given) => {
            let wrong = |why| Failure::usage(format!("--key: no file has that name, and as a key: {why}"));
            return given.parse().map_err(wrong);
        }
        None => place.public_key(),
    };
    PublicKey::load(&path).map_err(|error| {
        Failure::new(error.to_string())
            .hint("name the ledger's public key with --key: a file, or the key itself")
    })
}

fn render(report: &Report) -> String {
    let Report { origin, key, entries, checkpoints, root, anchor, fault, notes } = report;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:13}{}", printable(value));
    };
    match fault {
        None => line("verified", &format!("{entries} entries are as they were signed")),
        Some(fault) => {
            line("NOT VERIFIED", &fault.message);
            if let Some(index) = fault.index {
                line("first bad", &format!("entry {index}"));
            }
            if let Some(among) = &fault.among {
                line("lies among", &format!("entries {} to {}", among.from, among.until.saturating_sub(1)));
            }
            line("good before", &format!("{entries} entries"));
        }
    }
    line("ledger", origin);
    line("key", key);
    line("checkpoints", &checkpoints.to_string());
    line("root", root.as_deref().unwrap_or("none"));
    line(
        "anchor",
        match anchor {
            AnchorState::Agrees => "agrees: nothing was cut off",
            AnchorState::Absent => "none: a cut-off end could not be told",
            AnchorState::Disagrees => "DISAGREES",
            AnchorState::Unreached => "not reached",
        },
    );
    for note in notes {
        line("note", note);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Fault, FaultKind};

    fn report(fault: Option<Fault>) -> Report {
        Report {
            origin: "host".into(),
            key: "host+aa+bb".into(),
            entries: 7,
            checkpoints: 2,
            root: None,
            anchor: AnchorState::Agrees,
            fault,
            notes: vec!["a daemon is writing".into()],
        }
    }

    #[test]
    fn a_clean_ledger_says_how_much_was_verified() {
        assert!(render(&report(None)).starts_with("verified     7 entries"));
    }

    #[test]
    fn the_first_bad_entry_is_named() {
        let fault =
            Fault { kind: FaultKind::EntryChanged, index: Some(7), among: None, message: "changed".into() };
        let text = render(&report(Some(fault)));
        assert!(text.starts_with("NOT VERIFIED changed\nfirst bad    entry 7\n"), "{text}");
    }

    #[test]
    fn a_key_that_is_neither_file_nor_key_is_wrong_usage() {
        let place = Place::new("/nonexistent");
        assert_eq!(key(Some("/nonexistent/x.pub"), &place).unwrap_err().code, 2);
        assert_eq!(key(None, &place).unwrap_err().code, 1);
    }
}
