//! The command line: one file per command. Decides nothing about agents: it asks the daemon, the kernel's pinned
//! maps or the ledger, and tells what they say. Owns the wording, the exit codes and the shape of the JSON.

mod agents;
mod audit;
mod doctor;
mod ephemeral;
mod failure;
mod kill;
mod output;
mod policy;
mod recover;
mod run;
mod status;
mod surface;
mod why;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app;
use crate::control::client;
use failure::{Failure, USAGE};

/// guard stops AI agents at the kernel: what an agent may not do fails at the moment it tries.
#[derive(Debug, Parser)]
#[command(name = "guard", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
First steps:
  sudo guard doctor                 can this host enforce?
  sudo guard run -- bash            try it: a shell in which only the work folder can be written
  guard why                         what was refused, and why
  sudo guard kill                   stop every agent, now

`guard COMMAND --help` explains each command, with examples.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage; `run` ends as its program does.")]
struct Cli {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    command: Command,
}

/// Where the daemon's things are. Defaults fit an installed daemon.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Places {
    /// The daemon's admin socket
    #[arg(long, global = true, value_name = "PATH", default_value = client::SOCKET, hide_short_help = true)]
    socket: PathBuf,
    /// The daemon's state folder: ledger, keys, kill orders
    #[arg(long, global = true, value_name = "FOLDER", default_value = app::STATE, hide_short_help = true)]
    state: PathBuf,
}

impl Places {
    /// Arguments that make a daemon use the same places.
    fn for_daemon(&self) -> Vec<OsString> {
        vec!["--socket".into(), self.socket.clone().into(), "--state".into(), self.state.clone().into()]
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a program as an agent
    Run(run::Run),
    #[command(hide = true)]
    RunInside(run::inside::RunInside),
    /// Is everything in force? Policy, switches, ledger at a glance
    Status(status::Status),
    /// List agents, living first
    Agents(agents::Agents),
    /// Say what was refused, why, and what would allow it
    Why(why::Why),
    /// Switch a class of action on or off for every agent
    Surface(surface::Surface),
    /// Halt agents at once; works with the daemon dead
    Kill(kill::Kill),
    /// Lift a kill order
    Recover(recover::Recover),
    /// Check, compare and apply policies
    Policy(policy::Policy),
    /// Ask the ledger, or verify it
    Audit(audit::Audit),
    /// Can this host enforce, and does it? What to do where not
    Doctor(doctor::Doctor),
    #[command(hide = true)]
    DoctorProbe(doctor::probe::Inside),
}

/// Runs the command line; the result is the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed output is nobody's failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    match cli.execute() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let _ = write!(io::stderr(), "{failure}");
            ExitCode::from(failure.code)
        }
    }
}

impl Cli {
    fn execute(self) -> Result<u8, Failure> {
        let places = &self.places;
        match self.command {
            Command::Run(command) => return command.execute(places),
            Command::RunInside(command) => return command.execute(places),
            Command::Status(command) => command.execute(places),
            Command::Agents(command) => command.execute(places),
            Command::Why(command) => command.execute(places),
            Command::Surface(command) => command.execute(places),
            Command::Kill(command) => command.execute(places),
            Command::Recover(command) => command.execute(places),
            Command::Policy(command) => command.execute(places),
            Command::Audit(command) => command.execute(places),
            Command::Doctor(command) => command.execute(places),
            Command::DoctorProbe(command) => command.execute(),
        }
        .map(|()| 0)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["guard"], line].concat())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_usage_is_2_and_help_is_0() {
        let code = |line: &[&str]| parse(line).unwrap_err().exit_code();
        assert_eq!(code(&[]), 2);
        assert_eq!(code(&["run"]), 2);
        assert_eq!(code(&["surface", "write", "maybe"]), 2);
        assert_eq!(code(&["recover"]), 2, "a recovery owes a note");
        assert_eq!(code(&["no-such-command"]), 2);
        assert_eq!(code(&["--help"]), 0);
        assert_eq!(code(&["--version"]), 0);
    }

    #[test]
    fn a_mistyped_command_or_option_is_answered_with_the_nearest() {
        assert!(parse(&["statsu"]).unwrap_err().to_string().contains("'status'"));
        assert!(parse(&["run", "--agnet", "x", "--", "ls"]).unwrap_err().to_string().contains("--agent"));
    }

    #[test]
    fn what_follows_the_command_of_run_belongs_to_it() {
        for line in [&["run", "--", "ls", "--agent", "-l"][..], &["run", "ls", "--agent", "-l"]] {
            let Command::Run(run) = parse(line).unwrap().command else { panic!("not run") };
            assert!(format!("{run:?}").contains(r#"["ls", "--agent", "-l"]"#), "{run:?}");
        }
    }

    #[test]
    fn every_command_is_explained_with_its_help() {
        let mut commands: Vec<clap::Command> = Cli::command().get_subcommands().cloned().collect();
        while let Some(command) = commands.pop().filter(|command| !command.is_hide_set()) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn every_reading_command_has_json() {
        for line in
            ["status", "agents", "why", "surface", "doctor", "audit query", "audit verify", "policy show"]
        {
            let words: Vec<&str> = line.split(' ').chain(["--json"]).collect();
            assert!(parse(&words).is_ok(), "{line}");
        }
    }
}
