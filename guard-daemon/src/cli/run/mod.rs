//! `guard run`: starts a program as an agent. This process stays outside the agent: it passes signals on, tells
//! of refusals, and ends as the program ends. The program itself is started by [`inside`].

mod channel;
mod fold;
pub(crate) mod inside;
mod program;
mod signals;
mod supervise;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use super::Places;
use super::ephemeral;
use super::failure::Failure;
use crate::control::client::Client;
use crate::control::wire::Request;

/// Starts a program as an agent.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  guard run -- make test                     in the current folder, which becomes its work folder
  guard run --workdir ~/project -- claude    in another one
  guard run --agent nightly --profile ci -- ./agent.py --all

The kernel refuses what the profile's policy does not allow; each refusal is told on standard
error as it happens, and `guard why` tells of it again. Where no daemon runs, root gets one for
as long as the program runs.

Exit status: the program's own; 128+N if signal N ended it (and this process ends by the same
signal); 127 if there is no such program, 126 if it cannot be run, 1 if guard could not start it.")]
pub(crate) struct Run {
    /// Name of the agent, by which `agents`, `kill` and `why` know it [default: the program's name]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The policy's profile that it runs under [default: the policy's default profile]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// The folder that it starts in and may write to [default: the current folder]
    #[arg(long, value_name = "FOLDER")]
    workdir: Option<PathBuf>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Run {
    /// Runs the program to its end; the result is the exit code.
    pub(crate) fn execute(self, places: &Places) -> Result<u8, Failure> {
        let daemon = daemon(places)?;
        let ended = supervise::start(&self, places).and_then(supervise::Running::finish);
        if let Some(daemon) = daemon {
            daemon.stop();
        }
        ended.map(supervise::End::pass_on)
    }
}

/// Finds a daemon, or starts one for the life of the run where the user may.
fn daemon(places: &Places) -> Result<Option<ephemeral::Daemon>, Failure> {
    let error = match Client::connect(&places.socket).and_then(|mut client| client.ask(&Request::Status)) {
        Ok(_) => return Ok(None),
        Err(error) => error,
    };
    if !error.is_not_running() {
        return Err(error.into());
    }
    if nix::unistd::Uid::effective().is_root() {
        return ephemeral::Daemon::start(places, "run").map(Some);
    }
    Err(Failure::new(error.to_string()).hint(
        "start it (`sudo systemctl start guardd`), or run this command as root:\n\
         guard then starts one for as long as the program runs",
    ))
}
