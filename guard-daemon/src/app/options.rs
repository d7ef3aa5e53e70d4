//! The daemon's command line.

use std::path::PathBuf;

use clap::Parser;

use super::paths::{self, Paths};
use crate::kernel::LogLevel;

/// guard's daemon: puts the policy in force in the kernel, judges and records what the kernel decides, and answers
/// `guard`. When it ends, the kernel goes on enforcing.
#[derive(Clone, Debug, Parser)]
#[command(name = "guardd", version, max_term_width = 100)]
#[command(after_help = "\
The policy is that of --policy, else of /etc/guard/policy.toml, else the built-in one. One that was put in force with
`guard policy apply` stays over a restart, until that file changes.

GUARD_LOG says how much is told on standard error: error, warn, info (default), debug, trace. GUARD_KERNEL_LOG is the
same as --kernel-log.")]
pub(super) struct Options {
    /// State folder: ledger, keys, policy in force, kill orders
    #[arg(long, value_name = "FOLDER", default_value = paths::STATE)]
    pub state: PathBuf,
    /// Run folder: socket and lock
    #[arg(long, value_name = "FOLDER", default_value = paths::RUN)]
    pub run: PathBuf,
    /// The admin socket, if it is not to be admin.sock in the run folder
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Policy file [default: /etc/guard/policy.toml where it is there, else the built-in policy]
    #[arg(long, value_name = "PATH")]
    pub policy: Option<PathBuf>,
    /// Live for one run: end when standard input does, and take the kernel programs away if no agent is left
    #[arg(long)]
    pub ephemeral: bool,
    /// What the kernel programs say of themselves: off, error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub kernel_log: Option<LogLevel>,
    /// Load programs whose helpers can be made to fail, to see that what fails refuses. Widens nothing
    #[arg(long, hide = true)]
    pub inject_faults: bool,
}

impl Options {
    /// Where the daemon keeps what.
    pub(super) fn paths(&self) -> Paths {
        let socket = self.socket.clone().unwrap_or_else(|| self.run.join("admin.sock"));
        Paths { state: self.state.clone(), run: self.run.clone(), socket, programs: paths::programs() }
    }

    /// What the kernel programs are to say: by the option, else by the environment.
    pub(super) fn kernel_log(&self) -> Result<LogLevel, String> {
        self.kernel_log.map_or_else(LogLevel::from_environment, Ok)
    }
}

fn level(word: &str) -> Result<LogLevel, String> {
    LogLevel::from_word(word).ok_or_else(|| "use off, error, warn, info, debug or trace".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::control::client;

    #[test]
    fn the_definition_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn the_socket_lies_in_the_run_folder_unless_told_otherwise() {
        let parse =
            |line: &[&str]| Options::try_parse_from([&["guardd"], line].concat()).unwrap().paths().socket;
        assert_eq!(parse(&[]), PathBuf::from(client::SOCKET), "where `guard` looks for it");
        assert_eq!(parse(&["--run", "/x"]), PathBuf::from("/x/admin.sock"));
        assert_eq!(parse(&["--socket", "/y/s"]), PathBuf::from("/y/s"));
    }

    #[test]
    fn an_unknown_level_is_refused() {
        assert!(Options::try_parse_from(["guardd", "--kernel-log", "loud"]).is_err());
    }
}
