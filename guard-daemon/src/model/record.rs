//! Records: what one stage owes the next, and what the ledger keeps.
//!
//! Field names and tags are a format: they are signed, and verified by strangers. Maps are never used where
//! their order could vary; numbers are integers; every `u64` is written as a decimal string, for a JSON
//! reader may round a number above 2^53.

use guard_common::Reason;
use serde::{Deserialize, Serialize};

use super::action::{Actor, BootNs, Object, Position, ProcessKey};
use super::finding::Finding;

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Record {
    /// The daemon took up enforcement.
    Start(Start),
    /// The daemon ended; enforcement stays.
    Stop {
        /// Why.
        why: String,
    },
    /// A policy generation came into force.
    Policy(Policy),
    /// An agent instance was enrolled.
    Launch(Launch),
    /// A cgroup of the host became an instance, by an enrolment of the policy.
    Enrol(Enrol),
    /// A task entered an instance's cgroup, or was found in it when the programs were loaded, and is the agent's
    /// from now on. What it starts is the agent's by birth, and is not told.
    Enter(Enter),
    /// An instance's last process ended.
    Exit {
        /// The instance.
        instance: Instance,
    },
    /// The kernel decided, the engine judged.
    Enforce(Box<Enforce>),
    /// A kill order took effect.
    Kill(Kill),
    /// A kill order was lifted.
    Recover(Recover),
    /// A surface was switched.
    Surface {
        /// Its name.
        surface: String,
        /// On or off.
        on: bool,
        /// Who ordered it.
        by: Operator,
    },
    /// Events were lost: a hole in a sequence, closed by this record.
    Gap {
        /// `deny` or `allow`.
        ring: String,
        /// The CPU that counted.
        cpu: u32,
        /// First number missing.
        #[serde(with = "super::decimal")]
        from: u64,
        /// Last number missing.
        #[serde(with = "super::decimal")]
        to: u64,
    },
}

/// Every record's tag.
pub const STAGES: [&str; 12] = [
    "start", "stop", "policy", "launch", "enrol", "enter", "exit", "enforce", "kill", "recover", "surface",
    "gap",
];

/// An agent instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Instance {
    /// The agent's name.
    pub agent: String,
    /// Its slot in the kernel maps.
    pub slot: u32,
    /// Unique for ever: boot id and launch number.
    pub instance: String,
    /// Its profile's name.
    pub profile: String,
}

/// Who gave an order, as the kernel says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// User id of the socket's peer.
    pub uid: u32,
    /// Login user id (`/proc/PID/loginuid`), where one is set: the human behind `sudo`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_uid: Option<u32>,
    /// Process id of the peer.
    pub pid: u32,
}

impl Operator {
    /// Nobody knows who. It stands as root, so that no other user is taken for it; no process has the number 0.
    pub const UNKNOWN: Self = Self { uid: 0, login_uid: None, pid: 0 };
}

/// See [`Record::Start`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Version of the daemon.
    pub version: String,
    /// SHA-256 of the daemon's executable, hex.
    pub daemon_sha256: String,
    /// SHA-256 of the kernel programs' object, hex.
    pub ebpf_sha256: String,
    /// Running kernel's release.
    pub kernel: String,
    /// Whether enforcement was already in force and was adopted.
    pub adopted: bool,
    /// What is not in force, each in one sentence; empty when everything is.
    pub missing: Vec<String>,
}

/// See [`Record::Policy`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Generation in the kernel maps.
    #[serde(with = "super::decimal")]
    pub generation: u64,
    /// SHA-256 of the policy's text, hex.
    pub sha256: String,
    /// Where the text came from: a path, or `embedded default`.
    pub source: String,
    /// Roots that could not be resolved, and so protect or open nothing yet.
    pub unresolved: Vec<String>,
    /// What else there is to know about how its roots were found on this host, each in one sentence.
    pub notes: Vec<String>,
    /// Who ordered it; absent at the daemon's own start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<Operator>,
}

/// See [`Record::Launch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The instance.
    pub instance: Instance,
    /// Work folder.
    pub workdir: String,
    /// Cgroup id.
    #[serde(with = "super::decimal")]
    pub cgroup: u64,
    /// Who launched it: the first link of its chain of authority.
    pub by: Operator,
    /// What the launcher said it would run: a claim.
    pub command: Vec<String>,
}

/// See [`Record::Enrol`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrol {
    /// When.
    #[serde(with = "super::decimal")]
    pub at: BootNs,
    /// `deny` or `allow`, where the kernel told of it; absent where the daemon found the cgroup itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ring: Option<String>,
    /// Its position in that ring.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub position: Option<Position>,
    /// The instance.
    pub instance: Instance,
    /// Cgroup id.
    #[serde(with = "super::decimal")]
    pub cgroup: u64,
    /// The cgroup's path, from the hierarchy's root.
    pub path: String,
    /// Who entered it first, or moved somebody in; absent where processes were in it before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<Mover>,
}

/// See [`Record::Enter`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enter {
    /// When.
    #[serde(with = "super::decimal")]
    pub at: BootNs,
    /// `deny` or `allow`, with the position in that ring.
    pub ring: String,
    /// See `ring`.
    pub position: Position,
    /// Slot of the instance.
    pub slot: u32,
    /// The instance; absent where the daemon does not know the label.
    pub instance: Option<Instance>,
    /// The task's process.
    pub process: ProcessKey,
    /// The task.
    pub tid: u32,
    /// Who moved it, or walked past it when the programs were loaded.
    pub by: Mover,
}

/// Who moved a task, by the kernel's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mover {
    /// Its process.
    pub process: ProcessKey,
    /// Its user.
    pub uid: u32,
    /// The task's name, with bytes outside UTF-8 replaced.
    pub comm: String,
}

/// See [`Record::Enforce`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Enforce {
    /// When.
    #[serde(with = "super::decimal")]
    pub at: BootNs,
    /// `deny` or `allow`, with the position in that ring.
    pub ring: String,
    /// See `ring`.
    pub position: Position,
    /// Who, by the kernel's word.
    pub actor: Actor,
    /// The instance; absent where the daemon does not know the label.
    pub instance: Option<Instance>,
    /// SHA-256 of the acting executable, hex; absent where it was gone before it could be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub executable_sha256: Option<String>,
    /// Surface's name.
    pub surface: String,
    /// Operation's name.
    pub operation: String,
    /// On what.
    pub object: Object,
    /// Zone's name.
    pub zone: String,
    /// Policy generation and its text's digest.
    #[serde(with = "super::decimal")]
    pub generation: u64,
    /// See `generation`.
    pub policy_sha256: String,
    /// The verdict in force: `allow`, `hold`, `deny`.
    pub verdict: String,
    /// Its reason's code.
    pub reason: String,
    /// What each primitive answered.
    pub findings: Vec<Finding>,
}

impl Enforce {
    /// What the policy would have to say for a refused action to be allowed; `None` where no policy can.
    pub fn remedy(&self) -> Option<String> {
        let profile = &self.instance.as_ref()?.profile;
        let (surface, zone) = (&self.surface, &self.zone);
        if self.reason == Reason::ArgumentRule.name() {
            let rule = self.findings.iter().find_map(|finding| finding.reason.split('`').nth(1))?;
            return Some(format!("no rule `{rule}` on arguments for profile {profile} and zone {zone}"));
        }
        let decided_by_edges =
            [Reason::NoEdge, Reason::EdgeDenies, Reason::HoldUnavailable].map(Reason::name);
        if !decided_by_edges.contains(&self.reason.as_str())
            || ["guard", "unresolved"].contains(&zone.as_str())
        {
            return None;
        }
        if let (Object::Peer { .. }, "elsewhere") = (&self.object, zone.as_str()) {
            return Some(format!(
                "a zone whose addresses hold {}, with an edge from profile {profile} that allows {surface}",
                self.object
            ));
        }
        Some(format!("an edge from profile {profile} to zone {zone} that allows {surface}"))
    }
}

/// See [`Record::Kill`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// One agent's name, or absent for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<String>,
    /// `freeze` or `terminate`.
    pub mode: String,
    /// Who ordered it.
    pub by: Operator,
    /// When it was ordered: it may have been while no daemon ran.
    #[serde(with = "super::decimal")]
    pub at: BootNs,
}

/// See [`Record::Recover`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recover {
    /// One agent's name, or absent for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<String>,
    /// Who ordered it.
    pub by: Operator,
    /// The cause, as noted by who ordered it.
    pub note: String,
}
