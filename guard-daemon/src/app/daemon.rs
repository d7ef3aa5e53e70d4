//! The daemon's parts, and the loop that turns whatever happens into effects. Decides nothing: `engine::step` does.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::time::Duration;

use guard_common::event::Ring;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::agents::registry::Registry;
use super::agents::watch::Ends;
use super::executables::{Executables, Hashed};
use super::hearing::Parked;
use super::launching::Launching;
use super::notify;
use super::paths::Paths;
use super::policies::{InForce, SavedPolicy};
use super::records::Records;
use super::refusals::Refusals;
use super::settle::Settling;
use crate::control::server::Asked;
use crate::engine;
use crate::kernel::{AgentCgroup, Cgroups, Labels, Maps, PinFolder, Prepared, RingReader, boot_ns};
use crate::model::input::Input;
use crate::model::state::State;

/// Everything that the loop owns.
pub(super) struct Daemon {
    pub(super) paths: Paths,
    pub(super) pins: PinFolder,
    pub(super) maps: Maps,
    pub(super) cgroups: Cgroups,
    pub(super) labels: Labels,
    pub(super) records: Records,
    pub(super) state: State,
    pub(super) registry: Registry,
    pub(super) policy: InForce,
    pub(super) proposed: Option<Proposed>,
    pub(super) launching: Option<Launching>,
    /// Keeps the inode numbers of living instances' folders valid, by slot.
    pub(super) handles: HashMap<u32, [OwnedFd; 2]>,
    pub(super) refusals: Refusals,
    pub(super) executables: Executables,
    pub(super) parked: [Parked; 2],
    pub(super) settling: Settling,
    pub(super) missing: Vec<String>,
    pub(super) journal_error: Option<String>,
    /// Why somebody who was there before the policy may not be an agent by it yet.
    pub(super) enrol_error: Option<String>,
    /// Why the kernel may have enrolled somebody whom the daemon does not know yet.
    pub(super) hearing_error: Option<String>,
    /// Cgroups of guard's own whose processes nobody knows.
    pub(super) strays: Vec<AgentCgroup>,
    pub(super) ends: Ends,
    /// How many cgroups the kernel had enrolled when it was last asked which.
    pub(super) enrolled_heard: u64,
}

/// A policy that is written into the kernel, recorded or about to be, and not in force.
pub(super) struct Proposed {
    pub(super) rows: Prepared,
    pub(super) policy: InForce,
    pub(super) saved: SavedPolicy,
}

/// The kernel's rings.
pub(super) struct Rings {
    /// Refusals.
    pub denies: RingReader,
    /// Routine allows.
    pub allows: RingReader,
}

/// What reaches the loop from elsewhere.
pub(super) struct Inbox {
    /// Requests of the admin socket.
    pub requests: mpsc::Receiver<Asked>,
    /// Slots whose cgroup fell empty.
    pub ended: mpsc::Receiver<u32>,
    /// Digests of programs.
    pub hashed: mpsc::Receiver<Hashed>,
    /// Why the daemon is to end.
    pub stop: mpsc::Receiver<String>,
}

impl Daemon {
    /// Runs until it is told to end; gives the reason.
    pub(super) async fn run(&mut self, rings: &mut Rings, inbox: &mut Inbox) -> std::io::Result<String> {
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let room = self.has_room();
            let deadline = self.next_deadline();
            tokio::select! {
                heard = rings.denies.hear(boot_ns), if room => self.park(Ring::Deny, heard?),
                heard = rings.allows.hear(boot_ns), if room => self.park(Ring::Allow, heard?),
                Some(asked) = inbox.requests.recv() => self.answer(asked),
                Some(_) = inbox.ended.recv() => self.look_for_ends(),
                Some(hashed) = inbox.hashed.recv() => self.executables.learn(hashed),
                _ = second.tick() => self.each_second(rings),
                () = sleep_until(deadline) => {}
                Some(why) = inbox.stop.recv() => return Ok(why),
            }
            self.hear_of_enrolled(rings);
            self.judge_parked();
            self.answer_settled(rings);
        }
    }

    /// Takes an input through the engine and does what follows.
    pub(super) fn take(&mut self, input: Input) -> Result<(), String> {
        let effects = engine::step(&mut self.state, input);
        self.execute(effects)
    }

    /// The same where nobody waits for an answer.
    pub(super) fn note(&mut self, input: Input) {
        if let Err(why) = self.take(input) {
            tracing::error!("{why}");
        }
    }

    fn has_room(&self) -> bool {
        self.records.has_room() && self.parked.iter().all(Parked::has_room)
    }

    fn next_deadline(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3600);
        self.parked.iter().filter_map(Parked::deadline).min().unwrap_or(far)
    }

    fn each_second(&mut self, rings: &mut Rings) {
        self.note(Input::Tick { at: boot_ns() });
        notify::alive();
        self.look_for_gaps(rings);
        self.look_for_threads();
        self.take_orders();
        self.look_for_ends();
        self.end_strays();
        self.look_again();
        self.lay_slots_ready();
    }
}
