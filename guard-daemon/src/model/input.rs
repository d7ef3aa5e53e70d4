//! Everything that can happen to the daemon, in one closed list. What is not in it cannot change a verdict.

use guard_common::Surface;
use guard_common::event::Ring;
use guard_common::map::switch::KillMode;

use super::action::{Action, BootNs, Position};
use super::record::{Enrol, Enter, Kill, Launch, Mover, Operator, Policy, Recover, Start};
use super::state::LedgerState;
use super::state::policies::PolicyView;
use super::state::switches::Reading;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The daemon took up enforcement.
    Start(Start),
    /// The daemon is about to end.
    Stop {
        /// Why.
        why: String,
    },
    /// The kernel decided an action.
    Kernel(Box<Action>),
    /// A task became an agent's by entering its cgroup. The instance is not filled in yet.
    Entered(Enter),
    /// A cgroup of the host became an instance.
    Enrolled {
        /// What the record will say.
        enrol: Enrol,
        /// Profile's index, as in the label.
        profile: u16,
    },
    /// An enrolled instance has these cgroups below its own.
    Grown {
        /// Its slot.
        slot: u32,
        /// Their ids.
        below: Vec<u64>,
    },
    /// Events are missing from a ring's sequence.
    Gap(Gap),
    /// The kernel's switches were read.
    Switches(Reading),
    /// The ledger was found able or unable to write.
    Ledger(LedgerState),
    /// Somebody asks that a policy, compiled and ready to be pushed, come into force.
    PolicyAsked(Policy),
    /// A policy came into force in the kernel.
    PolicyInForce(PolicyView),
    /// Somebody asks to become an agent; cgroup and label are prepared, no process is inside.
    Launch {
        /// What the record will say.
        launch: Launch,
        /// Profile's index, as in the label.
        profile: u16,
        /// When.
        at: BootNs,
    },
    /// An instance that lived before the daemon's start was found again.
    Adopted {
        /// What its record said.
        launch: Launch,
        /// Profile's index, as in the label.
        profile: u16,
        /// When it was launched.
        at: BootNs,
    },
    /// A launch could not be recorded: no process was let in.
    NotLaunched {
        /// Its slot.
        slot: u32,
        /// When.
        at: BootNs,
    },
    /// An instance's last process ended.
    Exit {
        /// Its slot.
        slot: u32,
        /// When.
        at: BootNs,
    },
    /// A kill order was found in the journal.
    Kill {
        /// The order.
        order: KillOrder,
        /// Whether the ledger has it already.
        recorded: bool,
    },
    /// Somebody asks to lift kill orders.
    Recover(Recover),
    /// Kill orders were lifted in the kernel and in the journal.
    Lifted {
        /// One agent's, or all.
        agent: Option<String>,
    },
    /// Somebody asks to switch a surface.
    Surface {
        /// Which.
        surface: Surface,
        /// On or off.
        on: bool,
        /// Who.
        by: Operator,
    },
    /// A second went by.
    Tick {
        /// Now.
        at: BootNs,
    },
}

/// A cgroup that the kernel's programs enrolled by a rule, as they tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// When.
    pub at: BootNs,
    /// The ring that told of it.
    pub ring: Ring,
    /// Where in that ring.
    pub position: Position,
    /// The slot that it has.
    pub slot: u32,
    /// Profile's index.
    pub profile: u16,
    /// Its id.
    pub cgroup: u64,
    /// Its path, from the hierarchy's root.
    pub path: String,
    /// Who entered it first, or moved somebody in.
    pub by: Mover,
}

/// A hole in one CPU's sequence of one ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The ring.
    pub ring: Ring,
    /// The CPU that counted.
    pub cpu: u32,
    /// First number missing.
    pub from: u64,
    /// Last number missing.
    pub to: u64,
}

/// A kill order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillOrder {
    /// One agent's name, or absent for all.
    pub agent: Option<String>,
    /// Freeze or terminate.
    pub mode: KillMode,
    /// Who ordered it.
    pub by: Operator,
    /// When it was ordered.
    pub at: BootNs,
}

impl KillOrder {
    /// Its record.
    pub fn record(&self) -> Kill {
        let Self { agent, mode, by, at } = self;
        Kill { agent: agent.clone(), mode: mode.name().to_owned(), by: by.clone(), at: *at }
    }
}
