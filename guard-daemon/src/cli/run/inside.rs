//! `guard run-inside`: the process that becomes the agent. It closes what it was lent, asks the daemon to label
//! it, waits until the outer process watches, and is then replaced by the program. From the label on, the policy
//! judges whatever it does: everything that needs more than that happens before.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::channel::{self, Inner};
use super::{program, signals};
use crate::cli::Places;
use crate::cli::failure::Failure;
use crate::control::client::{Client, unexpected};
use crate::control::wire::{Request, Response};
use crate::kernel::descriptors;

/// Arguments of the hidden command: as `guard run` passes them, for nobody else.
#[derive(Debug, clap::Args)]
pub(crate) struct RunInside {
    /// Name of the agent
    #[arg(long)]
    agent: Option<String>,
    /// Profile
    #[arg(long)]
    profile: Option<String>,
    /// Work folder
    #[arg(long)]
    workdir: Option<PathBuf>,
    /// Inherited descriptors: the pipe to the outer process, and the one from it
    #[arg(long, num_args = 2, required = true)]
    channel: Vec<u32>,
    /// The program
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

/// The arguments with which the outer process starts the inner one.
pub(super) fn arguments(run: &super::Run, places: &Places, channel: [i32; 2]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        vec!["--socket".into(), places.socket.clone().into(), "run-inside".into()];
    for descriptor in [&["--channel".into()][..], &channel.map(|fd| fd.to_string().into())].concat() {
        arguments.push(descriptor);
    }
    let mut option = |name: &str, value: Option<&OsStr>| {
        // One word each, so that no value is taken for an option.
        arguments.extend(value.map(|value| [OsStr::new(name), value].join(OsStr::new("="))));
    };
    option("--agent", run.agent.as_deref().map(OsStr::new));
    option("--profile", run.profile.as_deref().map(OsStr::new));
    option("--workdir", run.workdir.as_deref().map(Path::as_os_str));
    arguments.push("--".into());
    arguments.extend(run.command.iter().cloned());
    arguments
}

impl RunInside {
    /// Becomes the agent's program; returns only where that failed.
    pub(crate) fn execute(self, places: &Places) -> Result<u8, Failure> {
        let [to_outer, from_outer] = self.channel[..] else {
            return Err(Failure::usage("this command is not for people; use `guard run`"));
        };
        signals::give_back().map_err(std::io::Error::from)?;
        let mut channel = Inner::open(to_outer, from_outer)?;
        descriptors::keep_from_next_program()
            .map_err(|error| Failure::new(format!("cannot keep open files from the agent: {error}")))?;
        enter(self.workdir.as_deref())?;
        let (name, arguments) =
            self.command.split_first().ok_or_else(|| Failure::usage("no command to run"))?;
        let path = program::find(name)?;

        let mut command = Command::new(&path);
        command.arg0(name).args(arguments);
        for (key, value) in self.launch(places, &mut channel)? {
            command.env(key, value);
        }
        if self.workdir.is_some() {
            // A shell that finds $PWD wrong corrects it; other programs believe it.
            command.env("PWD", std::env::current_dir()?);
        }
        channel.wait_for_go()?;
        Err(program::exec_failure(&path, &command.exec()))
    }

    fn launch(&self, places: &Places, channel: &mut Inner) -> Result<Vec<(String, String)>, Failure> {
        let request = Request::Launch {
            agent: self.agent.clone(),
            profile: self.profile.clone(),
            command: self.command.iter().map(|word| channel::text(word)).collect(),
        };
        let response = Client::connect(&places.socket)?.ask(&request)?;
        let Response::Launched { instance, environment, .. } = response else {
            return Err(unexpected(&response).into());
        };
        channel.tell(&instance)?;
        Ok(environment)
    }
}

fn enter(workdir: Option<&Path>) -> Result<(), Failure> {
    let Some(folder) = workdir else { return Ok(()) };
    std::env::set_current_dir(folder)
        .map_err(|error| Failure::new(format!("cannot enter the work folder {}: {error}", folder.display())))
}
