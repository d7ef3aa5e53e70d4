//! `guard doctor --probe`: each program's bite as a check, and the hidden command that is the probe's process.

use std::path::PathBuf;

use super::{Check, Failure, Outcome};
use crate::kernel::PinFolder;
use crate::kernel::bite::{self, Bite, Seen};

const RESTART: &str = "restart guardd; if the program stays so, do not run agents on this host";

/// Arguments of the hidden command: as `guard doctor --probe` passes them, for nobody else.
#[derive(Debug, clap::Args)]
pub(crate) struct Inside {
    /// An empty folder to act in
    #[arg(long)]
    folder: PathBuf,
    /// The process that is no agent's
    #[arg(long)]
    outside: i32,
    /// In a user and mount namespace of its own
    #[arg(long)]
    own_namespaces: bool,
}

impl Inside {
    /// Becomes the probe.
    pub(crate) fn execute(self) -> Outcome {
        Ok(bite::inside(&self.folder, self.outside, self.own_namespaces)?)
    }
}

/// Nobody else may put a process into an agent's place.
pub(super) fn demand_root() -> Result<(), Failure> {
    if nix::unistd::Uid::effective().is_root() {
        return Ok(());
    }
    Err(Failure::new("only root can probe the programs").hint("sudo guard doctor --probe"))
}

/// A check for each program.
pub(super) fn checks(pins: &PinFolder) -> Result<Vec<Check>, Failure> {
    let bites = bite::probe(pins).map_err(|error| {
        Failure::new(error.to_string()).hint("`guard doctor` tells whether guard is loaded")
    })?;
    Ok(bites.into_iter().map(check).collect())
}

pub(super) fn check(Bite { program, what, seen }: Bite) -> Check {
    let (word, ok, found) = match seen {
        Seen::Refused => ("refuses", Some(true), format!("{what}: refused")),
        Seen::AtWork => ("works", Some(true), format!("{what}: as it should be")),
        Seen::Untried(why) => ("untried", None, format!("{what}: not tried: {why}")),
        Seen::Toothless(found) => ("toothless", Some(false), format!("{what}: {found}")),
    };
    let mend = (ok == Some(false)).then(|| RESTART.to_owned());
    Check { part: "probe", name: format!("{word} {program}"), ok, found, mend }
}
