//! `guard surface`: the first useful policy. Is this class of action allowed to run right now?

use clap::ValueEnum;

use super::Places;
use super::failure::{Failure, Outcome};
use super::output::{Table, print, print_json};
use crate::control::client::{Client, unexpected};
use crate::control::wire::{Request, Response};

/// Switches a class of action on or off, for every agent.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Surfaces: exec (start a program), read, write, connect (send to a peer), listen, ipc (other
local processes), admin (change the host: mounts, namespaces, capabilities).
tool, http, sql and deploy have switches too, and nothing asks them yet.

Examples:
  guard surface                     show every switch
  guard surface connect off         no agent reaches any peer from now on
  guard surface connect on          the policy decides again

A switch only takes away: switched on, the policy still decides.")]
pub(crate) struct Surface {
    /// The surface
    #[arg(requires = "to")]
    name: Option<String>,
    /// What to switch it to
    to: Option<To>,
    /// Show the switches as one JSON object instead of a table
    #[arg(long, conflicts_with = "name")]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    On,
    Off,
}

impl Surface {
    /// Switches, or shows the switches.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        let (Some(name), Some(to)) = (&self.name, self.to) else { return self.show(places) };
        let surface = known(name)?;
        let on = matches!(to, To::On);
        Client::connect(&places.socket)?.order(&Request::Surface { surface: surface.name().into(), on })?;
        print(&match to {
            To::On => format!("{name} is on: the policy decides\n"),
            To::Off if surface.is_enforced() => format!("{name} is off: refused to every agent\n"),
            To::Off => format!("{name} is off, but NOTHING IS REFUSED by it yet: no hook asks for it\n"),
        })
    }

    fn show(&self, places: &Places) -> Outcome {
        let response = Client::connect(&places.socket)?.ask(&Request::Status)?;
        let Response::Status(status) = response else { return Err(unexpected(&response).into()) };
        let states = guard_common::Surface::ALL
            .iter()
            .map(|surface| (surface, !status.surfaces_off.iter().any(|off| off == surface.name())));
        if self.json {
            let by_name = states.map(|(surface, on)| (surface.name(), on));
            return print_json(&by_name.collect::<std::collections::BTreeMap<_, _>>());
        }
        let mut table = Table::new(&["SURFACE", "SWITCH"]);
        for (surface, on) in states {
            let switch = if on { "on" } else { "OFF" };
            let unasked = if surface.is_enforced() { "" } else { " (nothing asks it yet)" };
            table.row([surface.name().to_owned(), format!("{switch}{unasked}")]);
        }
        print(&table.render())
    }
}

fn known(name: &str) -> Result<guard_common::Surface, Failure> {
    let names = || guard_common::Surface::ALL.iter().map(|surface| surface.name());
    guard_common::Surface::from_name(name).ok_or_else(|| {
        let failure = Failure::usage(format!("there is no surface \"{name}\""));
        match crate::policy::problem::nearest(name, names()) {
            Some(nearest) => failure.hint(format!("did you mean \"{nearest}\"?")),
            None => failure.hint(format!("there are: {}", names().collect::<Vec<_>>().join(", "))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_surface_is_wrong_usage_and_answered_with_the_nearest() {
        let failure = known("conect").unwrap_err();
        assert_eq!((failure.code, failure.hint.as_deref()), (2, Some("did you mean \"connect\"?")));
        assert!(known("xyz").unwrap_err().hint.unwrap().contains("exec, read"));
        assert_eq!(known("deploy"), Ok(guard_common::Surface::Deploy));
    }
}
