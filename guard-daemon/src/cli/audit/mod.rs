//! `guard audit`: questions to the ledger, asked of its files: a daemon is neither needed nor believed.

mod query;
mod time;
mod verify;

use std::path::{Path, PathBuf};

use super::Places;
use super::failure::{Failure, Outcome};
use crate::audit::{LedgerError, Place};

/// Asks the ledger, or verifies it.
#[derive(Debug, clap::Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, clap::Subcommand)]
enum Question {
    /// Show records, newest first
    Query(query::Query),
    /// Tell whether every record is as it was signed, and if not, which is the first that is not
    Verify(verify::Verify),
}

impl Audit {
    /// Asks and tells.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        match self.question {
            Question::Query(question) => question.execute(places),
            Question::Verify(question) => question.execute(places),
        }
    }
}

/// The state folder that is meant: `--db` names it, or the `ledger` folder in it.
fn place(db: Option<&Path>, places: &Places) -> Place {
    let folder = db.unwrap_or(&places.state);
    let is_database = folder.join("CURRENT").is_file() && !folder.join("ledger").is_dir();
    let named_ledger = folder.file_name().is_some_and(|name| name == "ledger");
    match folder.parent() {
        Some(parent) if is_database && named_ledger => Place::new(parent),
        Some(_) | None => Place::new(PathBuf::from(folder)),
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let failure = Self::new(error.to_string());
        if nix::unistd::Uid::effective().is_root() {
            return failure;
        }
        failure.hint("the ledger is root's: run this as root, or on a copy with --db")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_found_by_its_state_folder_and_by_its_own() {
        let state = tempfile::tempdir().unwrap();
        let ledger = state.path().join("ledger");
        std::fs::create_dir(&ledger).unwrap();
        std::fs::write(ledger.join("CURRENT"), "").unwrap();
        let places = Places { socket: PathBuf::new(), state: state.path().to_owned() };
        for db in [None, Some(state.path()), Some(ledger.as_path())] {
            assert_eq!(place(db, &places), Place::new(state.path()));
        }
    }
}
