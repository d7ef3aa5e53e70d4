//! From a ring to a verdict: events wait, in their order, until it is known which program acted, and are judged
//! then. The wait is short and bounded; after it the record says that the program is unknown.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use guard_common::event::Ring;
use guard_common::map::switch::{KILL_ALL, KillMode};
use tokio::time::Instant;

use super::daemon::{Daemon, Rings};
use super::executables::{Executables, Identity, Look};
use crate::engine;
use crate::kernel::{Decoded, Heard, MapFailure, Missing, boot_ns};
use crate::model::action::{Action, BootNs, Executable};
use crate::model::input::{Gap, Input};
use crate::model::state::switches::Reading;

/// How long an event waits for its program's digest.
const DIGEST_LIMIT: Duration = Duration::from_secs(1);

/// Events of one ring that wait. 4,096 * about 1 KiB = 4 MiB; beyond it the ring itself has to hold them.
const PARKED_MAX: usize = 4096;

/// Events that wait.
#[derive(Default)]
pub(super) struct Parked(VecDeque<Waiting>);

struct Waiting {
    action: Box<Action>,
    program: Option<Identity>,
    deadline: Instant,
}

impl Parked {
    pub(super) fn has_room(&self) -> bool {
        self.0.len() < PARKED_MAX
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.front().map(|waiting| waiting.deadline)
    }

    /// When the oldest that waits happened.
    pub(super) fn oldest(&self) -> Option<BootNs> {
        self.0.iter().map(|waiting| waiting.action.at).min()
    }

    fn push(&mut self, mut action: Box<Action>, look: Look) {
        let program = match look {
            Look::Known(executable) => {
                action.executable = executable;
                None
            }
            Look::Waits(identity) => Some(identity),
        };
        self.0.push_back(Waiting { action, program, deadline: Instant::now() + DIGEST_LIMIT });
    }

    fn pop_ready(&mut self, executables: &Executables, now: Instant) -> Option<Box<Action>> {
        let first = self.0.front()?;
        let executable = match first.program.as_ref().map(|identity| executables.known(identity)) {
            None => None,
            Some(Some(known)) => Some(known.clone()),
            Some(None) if now < first.deadline => return None,
            Some(None) => Some(Executable::Absent("its program was not hashed in time".to_owned())),
        };
        let mut action = self.0.pop_front()?.action;
        if let Some(executable) = executable {
            action.executable = executable;
        }
        Some(action)
    }
}

impl Daemon {
    /// Takes what a ring said.
    pub(super) fn park(&mut self, ring: Ring, heard: Vec<Heard>) {
        let mut looks = BTreeMap::new();
        for one in heard {
            match one {
                Heard::Event(Decoded::Decision(action)) => {
                    let process = action.actor.process;
                    let key = (process.pid, process.start_boot_ns);
                    let look = looks.entry(key).or_insert_with(|| self.executables.look(process)).clone();
                    self.parked[index(ring)].push(action, look);
                }
                Heard::Event(Decoded::Entered(enter)) => self.note(Input::Entered(enter)),
                Heard::Event(Decoded::Enrolled(tagged)) => self.take_enrolled(tagged),
                Heard::Garbled(error) => {
                    tracing::error!(ring = ring.name(), %error, "an event makes no sense")
                }
            }
        }
    }

    /// Judges every event that waits for nothing any more.
    pub(super) fn judge_parked(&mut self) {
        let now = Instant::now();
        let mut ready = Vec::new();
        for parked in &mut self.parked {
            while let Some(action) = parked.pop_ready(&self.executables, now) {
                ready.push(action);
            }
        }
        if ready.is_empty() {
            return;
        }
        self.read_switches();
        for action in &ready {
            self.look_below(action.actor.slot, action.actor.cgroup);
        }
        let mut effects = Vec::new();
        for action in ready {
            effects.extend(engine::step(&mut self.state, Input::Kernel(action)));
        }
        if let Err(why) = self.execute(effects) {
            tracing::error!("{why}");
        }
    }

    /// Takes what the kernel has reported by now, some hundreds of events at most. Nothing that happened before the
    /// time it gives is still unheard.
    pub(super) fn hear_now(&mut self, rings: &mut Rings) -> BootNs {
        let before = boot_ns();
        let denies = rings.denies.hear_now(boot_ns);
        let allows = rings.allows.hear_now(boot_ns);
        let heard = heard_until(&denies, before).min(heard_until(&allows, before));
        self.park(Ring::Deny, denies);
        self.park(Ring::Allow, allows);
        heard
    }

    /// Judges what waits without waiting: the daemon is about to end.
    pub(super) fn judge_all(&mut self) {
        for parked in &mut self.parked {
            parked.0.iter_mut().for_each(|waiting| waiting.deadline = Instant::now());
        }
        self.judge_parked();
    }

    /// Walks the threads of whoever was moved into an agent's cgroup by somebody else. Until then the programs look
    /// after each thread that acts.
    pub(super) fn look_for_threads(&self) {
        if self.maps.entered() > 0
            && let Err(error) = self.label_threads()
        {
            tracing::error!("{error}");
        }
    }

    /// Records the numbers that never came.
    pub(super) fn look_for_gaps(&mut self, rings: &mut Rings) {
        for ring in [Ring::Deny, Ring::Allow] {
            let reader = match ring {
                Ring::Deny => &mut rings.denies,
                Ring::Allow => &mut rings.allows,
            };
            let gaps = match self.maps.sequences(ring) {
                Ok(counters) => reader.gaps(&counters, boot_ns),
                Err(error) => return tracing::error!("gaps cannot be looked for: {error}"),
            };
            self.record_gaps(ring, gaps);
        }
    }

    /// The same at the end, when everything was heard: whoever comes next cannot know of them.
    pub(super) fn record_last_gaps(&mut self, rings: &mut Rings) {
        self.record_gaps(Ring::Deny, rings.denies.last_gaps());
        self.record_gaps(Ring::Allow, rings.allows.last_gaps());
    }

    fn record_gaps(&mut self, ring: Ring, gaps: Vec<Missing>) {
        for Missing { cpu, from, to } in gaps {
            tracing::warn!(ring = ring.name(), cpu, from, to, "events were lost");
            self.note(Input::Gap(Gap { ring, cpu, from, to }));
        }
    }

    /// Reads the kernel's switches: everybody's word, those of living instances, and those that were set before.
    pub(super) fn read_switches(&mut self) {
        let slots: BTreeSet<u32> = std::iter::once(KILL_ALL)
            .chain(self.registry.alive().map(|agent| agent.slot()))
            .chain(self.state.switches.killed().map(|(slot, _)| slot))
            .collect();
        match self.reading(slots) {
            Ok(reading) => self.note(Input::Switches(reading)),
            Err(error) => tracing::error!("the switches cannot be read: {error}"),
        }
    }

    /// Reads every word, whoever it belongs to.
    pub(super) fn read_every_switch(&mut self) -> Result<(), MapFailure> {
        let began = boot_ns();
        let kill = self.maps.switches.killed()?.into_iter().collect();
        let off = self.maps.switches.surfaces_off()?;
        self.note(Input::Switches(Reading { began, at: boot_ns(), kill, off }));
        Ok(())
    }

    fn reading(&self, slots: BTreeSet<u32>) -> Result<Reading, MapFailure> {
        let began = boot_ns();
        let switches = &self.maps.switches;
        let mut kill = BTreeMap::new();
        for slot in slots {
            match switches.kill_mode(slot)? {
                KillMode::Run => {}
                mode @ (KillMode::Freeze | KillMode::Terminate) => drop(kill.insert(slot, mode)),
            }
        }
        let off = switches.surfaces_off()?;
        Ok(Reading { began, at: boot_ns(), kill, off })
    }
}

/// A ring that gave nothing was empty; one that gave events may hold more, later than those.
fn heard_until(heard: &[Heard], before: BootNs) -> BootNs {
    let at = |one: &Heard| match one {
        Heard::Event(Decoded::Decision(action)) => Some(action.at),
        Heard::Event(Decoded::Entered(enter)) => Some(enter.at),
        Heard::Event(Decoded::Enrolled(tagged)) => Some(tagged.at),
        Heard::Garbled(_) => None,
    };
    if heard.is_empty() { before } else { heard.iter().filter_map(at).max().unwrap_or(0) }
}

fn index(ring: Ring) -> usize {
    match ring {
        Ring::Deny => 0,
        Ring::Allow => 1,
    }
}
