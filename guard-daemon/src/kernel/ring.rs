//! The two rings, heard as they fill: refusals and holds in one, routine allows in the other. Hands on what it
//! hears; keeps nothing but the count of what is missing.

use std::io;

use aya::maps::{MapData, RingBuf};
use guard_common::event::Ring;
use guard_common::map::name;
use tokio::io::unix::AsyncFd;

use super::decode::{DecodeError, Decoded, decode};
use super::failure::MapFailure;
use super::pins::PinFolder;
use super::sequence::{Gap, Tracker};
use super::switches;
use super::sys;
use crate::model::action::{BootNs, Position};

/// Events handed on at once, so that a flood of one ring cannot starve the loop that reads both.
const BATCH_MAX: usize = 256;

/// What a ring says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An event.
    Event(Decoded),
    /// Bytes that are no event. Its number stays missing, so that a gap follows.
    Garbled(DecodeError),
}

/// One ring.
pub struct RingReader {
    ring: Ring,
    events: AsyncFd<RingBuf<MapData>>,
    tracker: Tracker,
    /// Heard while looking for gaps, and not handed on yet.
    backlog: Vec<Heard>,
    /// When the ring was last seen empty: what was missing well before that will not come.
    emptied_at: BootNs,
}

impl RingReader {
    /// Opens a pinned ring. `last` are the positions that an earlier daemon recorded from these same maps; what
    /// came after them and does not come now is a gap. After a fresh start there are none. Needs a tokio runtime.
    pub fn open(
        pins: &PinFolder,
        ring: Ring,
        last: impl IntoIterator<Item = Position>,
    ) -> Result<Self, MapFailure> {
        let name = map_name(ring);
        let map = switches::open(pins, name)?;
        let buffer = RingBuf::try_from(map)
            .map_err(|error| MapFailure::Foreign { map: name, cause: error.to_string() })?;
        let events =
            sys::watch(buffer).map_err(|cause| MapFailure::Call { map: name, doing: "listen", cause })?;
        Ok(Self { ring, events, tracker: Tracker::resumed(last), backlog: Vec::new(), emptied_at: 0 })
    }

    /// Which ring this is.
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// Waits for events and gives those that are there, some hundreds at most. Safe to drop while it waits.
    pub async fn hear(&mut self, now: impl Fn() -> BootNs) -> io::Result<Vec<Heard>> {
        loop {
            if !self.backlog.is_empty() {
                return Ok(std::mem::take(&mut self.backlog));
            }
            let mut guard = self.events.readable_mut().await?;
            let heard = drain(self.ring, guard.get_inner_mut(), &mut self.tracker, &now);
            if heard.len() < BATCH_MAX {
                // Empty. An event that comes after this look wakes the descriptor again.
                guard.clear_ready();
                self.emptied_at = now();
            }
            if !heard.is_empty() {
                return Ok(heard);
            }
        }
    }

    /// What is there now, without waiting: for the last look before the daemon ends.
    pub fn hear_now(&mut self, now: impl Fn() -> BootNs) -> Vec<Heard> {
        let mut heard = std::mem::take(&mut self.backlog);
        let fresh = drain(self.ring, self.events.get_mut(), &mut self.tracker, &now);
        if fresh.len() < BATCH_MAX {
            self.emptied_at = now();
        }
        heard.extend(fresh);
        heard
    }

    /// Numbers that never came. `counters` are the kernel's own ([`super::maps::Maps::sequences`]), read before
    /// this call. Call it about once a second; each gap is given once.
    pub fn gaps(&mut self, counters: &[u64], now: impl Fn() -> BootNs) -> Vec<Gap> {
        self.tracker.reconcile(counters, now());
        // An event that still lies in the ring is not lost: look, and let `hear` hand it on.
        self.backlog = self.hear_now(now);
        self.tracker.gaps(self.emptied_at)
    }

    /// The same at the end, after everything was heard with [`Self::hear_now`]: nobody will be there to wait.
    pub fn last_gaps(&mut self) -> Vec<Gap> {
        self.tracker.last_gaps(self.emptied_at)
    }

    /// Highest number of each CPU so far.
    pub fn last(&self) -> impl Iterator<Item = Position> + '_ {
        self.tracker.last()
    }
}

fn map_name(ring: Ring) -> &'static str {
    match ring {
        Ring::Deny => name::DENIES,
        Ring::Allow => name::ALLOWS,
    }
}

fn drain(
    ring: Ring,
    events: &mut RingBuf<MapData>,
    tracker: &mut Tracker,
    now: &impl Fn() -> BootNs,
) -> Vec<Heard> {
    let mut heard = Vec::new();
    while heard.len() < BATCH_MAX {
        let Some(bytes) = events.next() else { break };
        heard.push(match decode(ring, &bytes) {
            Ok(event) => {
                tracker.observe(event.position(), now());
                Heard::Event(event)
            }
            Err(error) => Heard::Garbled(error),
        });
    }
    heard
}
