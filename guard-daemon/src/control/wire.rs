//! Requests and responses of the admin socket: one JSON object a line, each way.

use serde::{Deserialize, Serialize};

use crate::model::effect::Notice;
use crate::model::record::Instance;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// State of enforcement, policy, ledger, switches. Answer: [`Response::Status`].
    Status,
    /// Instances, living and ended in this daemon's life. Answer: [`Response::Agents`].
    Agents,
    /// Make the asking process an agent: it is moved into a cgroup of its own and labelled before the answer
    /// comes; its current folder becomes the work folder. Answer: [`Response::Launched`].
    Launch {
        /// The agent's name; made from the program's where absent.
        agent: Option<String>,
        /// The profile; the policy's default where absent.
        profile: Option<String>,
        /// What it will run, for the record.
        command: Vec<String>,
    },
    /// From now on one [`Response::Refused`] a refusal of that instance, until the client hangs up; a
    /// [`Response::Done`] first.
    Watch {
        /// The instance's slot.
        slot: u32,
    },
    /// Switch a surface for every agent. Answer: [`Response::Done`].
    Surface {
        /// Its name.
        surface: String,
        /// On or off.
        on: bool,
    },
    /// Lift a kill order. Answer: [`Response::Done`].
    Recover {
        /// One agent's name; every order where absent.
        agent: Option<String>,
        /// The cause, for the record.
        note: String,
    },
    /// A kill order was given through the pinned map and journalled: record it. Answer: [`Response::Done`].
    KillGiven,
    /// Wait until every event that the kernel had reported when this came has been judged and told to those
    /// who watch. Answer: [`Response::Done`].
    Settle,
    /// The policy in force, with its text. Answer: [`Response::Policy`].
    Policy,
    /// Put a policy in force. Answer: [`Response::Applied`].
    Apply {
        /// The policy's text.
        text: String,
        /// Where it came from, for the record.
        source: String,
    },
    /// The last refusals, newest first. Answer: [`Response::Refusals`].
    Why {
        /// Only this agent's.
        agent: Option<String>,
        /// Only of this process.
        pid: Option<u32>,
        /// How many at most.
        most: u32,
    },
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "response", rename_all = "snake_case")]
pub enum Response {
    /// See [`Request::Status`].
    Status(Box<Status>),
    /// See [`Request::Agents`].
    Agents {
        /// Living first.
        agents: Vec<Agent>,
    },
    /// See [`Request::Launch`].
    Launched {
        /// The instance.
        instance: Instance,
        /// Environment to set.
        environment: Vec<(String, String)>,
    },
    /// A refusal, as it happens.
    Refused(Refusal),
    /// See [`Request::Why`].
    Refusals {
        /// Newest first.
        refusals: Vec<Refusal>,
    },
    /// See [`Request::Policy`].
    Policy {
        /// Its text.
        text: String,
        /// Where it came from, and its generation.
        policy: crate::model::record::Policy,
    },
    /// See [`Request::Apply`].
    Applied {
        /// What is in force now.
        policy: crate::model::record::Policy,
    },
    /// It is done.
    Done,
    /// It is not done.
    Failed {
        /// Who is wrong, and what to do.
        message: String,
        /// Whether the asker lacks the right to ask this.
        forbidden: bool,
    },
}

/// State of the daemon and of what it has in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Daemon's version.
    pub version: String,
    /// Whether everything is in force.
    pub enforcing: bool,
    /// What is not, each in one sentence.
    pub missing: Vec<String>,
    /// Policy in force.
    pub policy: crate::model::record::Policy,
    /// Surfaces that are switched off.
    pub surfaces_off: Vec<String>,
    /// Kill order for everybody: `run`, `freeze` or `terminate`.
    pub kill: String,
    /// Agents with a kill order of their own.
    pub killed_agents: Vec<String>,
    /// Living instances.
    pub agents_alive: u32,
    /// Entries in the ledger.
    pub ledger_entries: u64,
    /// The ledger's key, hex.
    pub ledger_key: String,
    /// Why the ledger cannot write; absent when it can.
    pub ledger_error: Option<String>,
    /// Verdicts since the maps were made: allowed, refused.
    pub allowed: u64,
    /// See `allowed`.
    pub denied: u64,
    /// Events that found their ring full.
    pub lost: u64,
    /// Kernel memory that maps and programs take, in bytes.
    pub kernel_memory_bytes: u64,
    /// Failed kernel helpers, `fault:errno` and count.
    pub faults: Vec<(String, u64)>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The instance.
    pub instance: Instance,
    /// Whether a process of it lives in its cgroup.
    pub alive: bool,
    /// Process ids in its cgroup.
    pub pids: Vec<u32>,
    /// Its work folder; empty where it has none.
    pub workdir: String,
    /// The cgroup of the host's that was enrolled, from the hierarchy's root; absent where guard made one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cgroup: Option<String>,
    /// Kill order: `run`, `freeze`, `terminate`.
    pub kill: String,
    /// Refusals so far.
    pub denied: u64,
}

/// One refusal, told to a person; in JSON the fields of both stand side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Position in the ledger, once it stands there.
    pub entry: Option<u64>,
    /// When, in milliseconds since the Unix epoch.
    pub wall_ms: u64,
    /// What was refused to whom, and why.
    #[serde(flatten)]
    pub notice: Notice,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_flat_object_on_the_wire_and_comes_back() {
        let refused = Response::Refused(Refusal { entry: Some(7), wall_ms: 5, notice: Notice::example() });
        let json = serde_json::to_value(&refused).unwrap();
        assert_eq!(serde_json::from_value::<Response>(json.clone()).unwrap(), refused);
        let object = json.as_object().unwrap();
        assert!(object.values().all(|value| !value.is_object()), "{object:?}");
        assert_eq!((&object["response"], &object["entry"]), (&"refused".into(), &7.into()));
        assert_eq!((&object["agent"], &object["pid"]), (&"ada".into(), &42.into()));
    }
}
