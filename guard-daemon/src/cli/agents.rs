//! `guard agents`: who runs under guard.

use super::Places;
use super::failure::Outcome;
use super::output::{Table, print, print_json};
use crate::control::client::{Client, unexpected};
use crate::control::wire::{Agent, Request, Response};

/// Most process ids shown of one agent.
const PIDS_SHOWN: usize = 4;

/// Lists agents, living first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  guard agents
  guard agents --json | jq -r '.[] | select(.alive) | .instance.agent'")]
pub(crate) struct Agents {
    /// A JSON array instead of a table
    #[arg(long)]
    json: bool,
}

impl Agents {
    /// Asks and tells.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        let response = Client::connect(&places.socket)?.ask(&Request::Agents)?;
        let Response::Agents { agents } = response else { return Err(unexpected(&response).into()) };
        if self.json {
            return print_json(&agents);
        }
        print(&render(&agents))
    }
}

fn render(agents: &[Agent]) -> String {
    if agents.is_empty() {
        return "no agent has run since the daemon started; `guard run -- COMMAND` starts one\n".to_owned();
    }
    let mut table = Table::new(&["AGENT", "PROFILE", "STATE", "REFUSED", "PIDS", "WORK FOLDER"]);
    for agent in agents {
        table.row([
            agent.instance.agent.clone(),
            agent.instance.profile.clone(),
            state(agent).to_owned(),
            agent.denied.to_string(),
            pids(&agent.pids),
            place(agent),
        ]);
    }
    table.render()
}

/// Where it works; of an agent without a work folder, the cgroup that makes it one.
fn place(agent: &Agent) -> String {
    match &agent.cgroup {
        Some(cgroup) if agent.workdir.is_empty() => format!("cgroup {cgroup}"),
        Some(_) | None => agent.workdir.clone(),
    }
}

fn state(agent: &Agent) -> &str {
    match (agent.alive, agent.kill.as_str()) {
        (false, _) => "ended",
        (true, "run") => "runs",
        (true, "freeze") => "frozen",
        (true, mode) => mode,
    }
}

fn pids(pids: &[u32]) -> String {
    let mut words: Vec<String> = pids.iter().take(PIDS_SHOWN).map(u32::to_string).collect();
    if let Some(more) = pids.len().checked_sub(PIDS_SHOWN).filter(|more| *more > 0) {
        words.push(format!("+{more}"));
    }
    if words.is_empty() { "-".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Instance;

    #[test]
    fn an_agent_is_one_row_with_its_state() {
        let instance =
            Instance { agent: "ada".into(), slot: 1, instance: "i-1".into(), profile: "default".into() };
        let agent = |alive, kill: &str| Agent {
            instance: instance.clone(),
            alive,
            pids: vec![10, 11, 12, 13, 14, 15],
            workdir: "/w".into(),
            cgroup: None,
            kill: kill.into(),
            denied: 5,
        };
        let text = render(&[agent(true, "run"), agent(true, "freeze"), agent(false, "run")]);
        let states: Vec<&str> =
            text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2)).collect();
        assert_eq!(states, ["runs", "frozen", "ended"]);
        assert!(text.contains("10 11 12 13 +2"), "{text}");
    }

    #[test]
    fn no_agent_is_said_rather_than_shown_as_an_empty_table() {
        assert!(render(&[]).contains("guard run"));
    }
}
