//! Why a command did not do what it was asked, and the exit code that says so. Owns the wording's shape: who is
//! wrong, then what to do.

use std::fmt;
use std::io;

use crate::control::client::ClientError;

/// Refused or failed.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage.
pub(crate) const USAGE: u8 = 2;
/// `run`: the program is there and cannot be run.
pub(crate) const NOT_RUNNABLE: u8 = 126;
/// `run`: there is no such program.
pub(crate) const NOT_FOUND: u8 = 127;

/// A command's end that is no success. Printed once, by `cli::main`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// What went wrong; empty where the command has said all by itself.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

/// How commands end.
pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    /// Refused or failed.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { code: FAILED, message: message.into(), hint: None }
    }

    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::new(message) }
    }

    /// The command's own output has said it already.
    pub(crate) fn told() -> Self {
        Self::new("")
    }

    /// The same, with a next step.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same, with another exit code.
    #[must_use]
    pub(crate) fn code(self, code: u8) -> Self {
        Self { code, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            return Ok(());
        }
        writeln!(f, "guard: {}", self.message.replace('\n', "\n       "))?;
        match &self.hint {
            Some(hint) => writeln!(f, "       {}", hint.replace('\n', "\n       ")),
            None => Ok(()),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            ClientError::NotRunning(_) => failure.hint(
                "start it with `systemctl start guardd` (or `guardd` in a root shell); \
                 `guard doctor` says whether this host can enforce",
            ),
            ClientError::NotAllowed { .. } => failure
                .hint("run it outside the agent; if this is none, look at the permissions on that path"),
            ClientError::Refused { .. } | ClientError::Lost { .. } | ClientError::Protocol(_) => failure,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_who_is_wrong_and_then_what_to_do() {
        let failure = Failure::new("no agent \"bob\" lives").hint("`guard agents` lists them");
        assert_eq!(failure.to_string(), "guard: no agent \"bob\" lives\n       `guard agents` lists them\n");
        assert_eq!((failure.code, Failure::usage("x").code), (1, 2));
    }

    #[test]
    fn a_command_that_has_told_it_already_adds_nothing() {
        assert_eq!(Failure::told().to_string(), "");
    }
}
