//! `guard recover`: lifts a kill order. Goes through the daemon alone: what widens is recorded first.

use super::Places;
use super::failure::{Failure, Outcome};
use super::output::print;
use crate::control::client::Client;
use crate::control::wire::Request;

/// Lifts a kill order: frozen agents go on, and new ones may start.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  guard recover --note 'false alarm: the nightly build'
  guard recover --agent ada --note 'ticket 4711'

The note stands in the ledger, with who lifted the order. What `kill --mode terminate` ended
stays ended.")]
pub(crate) struct Recover {
    /// Only this agent's order [default: every order]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The cause, for the record
    #[arg(long, value_name = "TEXT")]
    note: String,
}

impl Recover {
    /// Orders and tells.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        if self.note.trim().is_empty() {
            return Err(
                Failure::usage("the note is empty").hint("say why the order is lifted: the ledger keeps it")
            );
        }
        let whose = self.agent.clone();
        Client::connect(&places.socket)?.order(&Request::Recover { agent: self.agent, note: self.note })?;
        print(&match whose {
            Some(agent) => format!("the kill order for {agent} is lifted\n"),
            None => "every kill order is lifted\n".to_owned(),
        })
    }
}
