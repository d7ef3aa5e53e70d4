//! What the daemon does about an input. `engine::step` lists effects in the order in which they must happen:
//! revoke, append, grant or refuse, notify.

use guard_common::map::switch::KillMode;
use guard_common::{Reason, Surface};
use serde::{Deserialize, Serialize};

use super::record::{Enforce, Record};

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Take something away. Never waits for the ledger: a full disk must not keep a permission alive.
    Revoke(Narrowing),
    /// Keep a record. What follows a durable one in the list happens only after it is on the disk.
    Append {
        /// The record.
        record: Box<Record>,
        /// What it must survive.
        durability: Durability,
    },
    /// Give something. Only ever listed behind the durable record that says so.
    Grant(Widening),
    /// Say no to who asked, and why.
    Refuse(String),
    /// Tell who watches.
    Notify(Box<Notice>),
    /// Show the kernel that the daemon lives.
    Heartbeat,
    /// Sign the ledger's head.
    Checkpoint,
}

/// What a record must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A power cut right after its acknowledgement: what follows it in a list of effects happens only then.
    Durable,
    /// The daemon's death right after its acknowledgement; a power cut only after the next sync.
    Routine,
}

/// What is taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Narrowing {
    /// A surface goes off.
    SurfaceOff(Surface),
    /// Kill words are set. Never lowers a word from terminate to freeze.
    Kill {
        /// Slots; `KILL_ALL` for everybody.
        slots: Vec<u32>,
        /// Freeze or terminate.
        mode: KillMode,
    },
}

/// What is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Widening {
    /// A surface goes on.
    SurfaceOn(Surface),
    /// Kill words go back to run.
    Recover {
        /// Slots; `KILL_ALL` for everybody.
        slots: Vec<u32>,
        /// The agent whose orders are lifted, or absent for all.
        agent: Option<String>,
    },
    /// A prepared instance takes its process in.
    Launch {
        /// Its slot.
        slot: u32,
    },
    /// A prepared policy generation comes into force.
    Policy {
        /// Its number.
        generation: u64,
    },
}

/// A refusal, told to a person: who watches the instance, or asks why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Instance's slot.
    pub slot: u32,
    /// Agent's name, or the slot's number where the label is not known.
    pub agent: String,
    /// Process id and its name.
    pub pid: u32,
    /// See `pid`.
    pub comm: String,
    /// `write`, `connect`, …
    pub surface: String,
    /// `open`, `unlink`, …
    pub operation: String,
    /// What it was about: a path, or address, port and protocol.
    pub object: String,
    /// The object's zone.
    pub zone: String,
    /// Reason's code.
    pub reason: String,
    /// The primitive that answers for it.
    pub primitive: String,
    /// Why, and what would change it.
    pub sentence: String,
    /// What the policy would have to say for it to be allowed; absent where no policy can.
    pub remedy: Option<String>,
}

impl Notice {
    /// What a record of a refusal tells a person.
    pub fn of(enforce: &Enforce) -> Self {
        let reason = Reason::from_name(&enforce.reason);
        let Enforce { actor, instance, surface, operation, object, zone, .. } = enforce;
        Self {
            slot: actor.slot,
            agent: instance
                .as_ref()
                .map_or_else(|| format!("label {}", actor.slot), |known| known.agent.clone()),
            pid: actor.process.pid,
            comm: actor.comm.clone(),
            surface: surface.clone(),
            operation: operation.clone(),
            object: object.to_string(),
            zone: zone.clone(),
            reason: enforce.reason.clone(),
            primitive: reason.map_or("unknown", Reason::primitive).to_owned(),
            sentence: reason.map_or("a later version of guard knows why", Reason::sentence).to_owned(),
            remedy: enforce.remedy(),
        }
    }
}

#[cfg(test)]
impl Notice {
    /// Agent ada's shell may not remove a file of the system's.
    pub(crate) fn example() -> Self {
        Self {
            slot: 1,
            agent: "ada".to_owned(),
            pid: 42,
            comm: "sh".to_owned(),
            surface: "write".to_owned(),
            operation: "unlink".to_owned(),
            object: "/etc/x".to_owned(),
            zone: "system".to_owned(),
            reason: Reason::NoEdge.name().to_owned(),
            primitive: "network_boundary".to_owned(),
            sentence: Reason::NoEdge.sentence().to_owned(),
            remedy: None,
        }
    }
}
