//! `guard why`: what was refused, why, and what would change it.

use std::fmt::Write as _;

use guard_common::Verdict;
use guard_common::map::label::PROBE;

use super::Places;
use super::failure::{Failure, Outcome};
use super::output::{local_time, print, print_json, printable};
use crate::audit::{Entry, Place, Query, Reader};
use crate::control::client::{Client, ClientError, unexpected};
use crate::control::wire::{Refusal, Request, Response};
use crate::model::effect::Notice;
use crate::model::record::Record;

/// Says what was refused, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  guard why                         the last ten refusals
  guard why --agent ada -n 1        the last one of agent ada
  guard why --pid 4711 --json

With the daemon stopped, the answer comes from the ledger.")]
pub(crate) struct Why {
    /// Only this agent's
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only of this process
    #[arg(long)]
    pid: Option<u32>,
    /// How many at most
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..))]
    most: u32,
    /// A JSON array instead of text
    #[arg(long)]
    json: bool,
}

impl Why {
    /// Asks and tells.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        let refusals = self.ask(places)?;
        if self.json {
            return print_json(&refusals);
        }
        print(&render(&refusals))
    }

    fn ask(&self, places: &Places) -> Result<Vec<Refusal>, Failure> {
        let request = Request::Why { agent: self.agent.clone(), pid: self.pid, most: self.most };
        let answer = Client::connect(&places.socket).and_then(|mut client| client.ask(&request));
        let response = match answer {
            Err(error) if error.is_not_running() => return self.ask_ledger(places, &error),
            answer => answer?,
        };
        let Response::Refusals { refusals } = response else { return Err(unexpected(&response).into()) };
        Ok(refusals)
    }

    /// The ledger knows, too: slower, and root's alone.
    fn ask_ledger(&self, places: &Places, absent: &ClientError) -> Result<Vec<Refusal>, Failure> {
        let reader = Reader::open(&Place::new(&places.state)).map_err(|error| {
            Failure::new(format!("{absent}, and the ledger does not answer either: {error}"))
                .hint("start the daemon, or run this as root")
        })?;
        let verdict = Some(Verdict::Deny.name().to_owned());
        let terms = Query { agent: self.agent.clone(), verdict, ..Query::default() };
        let mut refusals = Vec::new();
        for row in reader.query(&terms) {
            let entry =
                row?.entry().map_err(|error| Failure::new(format!("a record cannot be read: {error}")))?;
            refusals.extend(
                refusal(entry).filter(|refusal| self.pid.is_none_or(|pid| refusal.notice.pid == pid)),
            );
            if refusals.len() >= self.most as usize {
                break;
            }
        }
        Ok(refusals)
    }
}

/// A record of a refusal, told to a person; `None` for other records, and for what a probe had refused.
fn refusal(entry: Entry) -> Option<Refusal> {
    let Record::Enforce(enforce) = entry.record else { return None };
    // Refused on purpose, by `guard doctor`.
    (enforce.actor.slot != PROBE.agent).then(|| Refusal {
        entry: Some(entry.index),
        wall_ms: entry.wall_ns / 1_000_000,
        notice: Notice::of(&enforce),
    })
}

fn render(refusals: &[Refusal]) -> String {
    if refusals.is_empty() {
        return "nothing was refused\n".to_owned();
    }
    let mut text = String::new();
    for refusal in refusals {
        let Refusal { entry, wall_ms, notice } = refusal;
        let Notice {
            slot: _,
            agent,
            pid,
            comm,
            surface,
            operation,
            object,
            zone,
            reason,
            primitive,
            sentence,
            remedy,
        } = notice;
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "{}", printable(&format!("{name:12}{value}")).trim_end());
        };
        line(&format!("{} {agent}: refused {surface} {object}", local_time(*wall_ms)), String::new());
        line("  why", format!("{sentence} [{reason}]"));
        if let Some(remedy) = remedy {
            line("  to allow", remedy.clone());
        }
        line("  zone", zone.clone());
        line("  process", format!("{pid} ({comm}), operation {operation}"));
        line("  primitive", primitive.clone());
        if let Some(entry) = entry {
            line("  ledger", format!("entry {entry}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_object_reason_process_and_entry() {
        let text = render(&[Refusal {
            entry: Some(7),
            wall_ms: 0,
            notice: Notice {
                comm: "sh\u{7}".into(),
                sentence: "no edge".into(),
                remedy: Some("an edge".into()),
                ..Notice::example()
            },
        }]);
        for expected in [
            "ada: refused write /etc/x\n",
            "no edge [no_edge]",
            "42 (sh\\u{7}), operation unlink",
            "entry 7",
            "an edge",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }

    #[test]
    fn nothing_refused_is_said() {
        assert_eq!(render(&[]), "nothing was refused\n");
    }
}
