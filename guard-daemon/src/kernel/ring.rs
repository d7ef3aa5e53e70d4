//! The two rings, heard as they fill: refusals and holds in one, routine allows in the other. Hands on what it
//! hears; keeps nothing but the count of what is missing.

use std::io;
use std::time::Duration;

use aya::maps::{MapData, RingBuf};
use guard_common::event::Ring;
use guard_common::map::name;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

use super::decode::{DecodeError, Decoded, decode};
use super::failure::MapFailure;
use super::maps;
use super::pins::PinFolder;
use super::sequence::{Missing, Tracker};
use super::switches;
use super::sys::{self, SharedWord};
use crate::model::action::{BootNs, Position};

/// For how long after events the kernel need not wake the daemon for routine ones, because it will look by itself. To be
/// woken for each would cost it, and the agent, more than all the rest; to look less often would find short-lived
/// processes gone.
const LISTENS: Duration = Duration::from_millis(5);

/// By how much later it looks: an event that began in time is there by then. What comes later still is found with the
/// next one, or within the second by [`RingReader::gaps`].
const SLACK: Duration = Duration::from_millis(1);

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
    /// Until when it is promised to look by itself; none for a ring that wakes for each event.
    listens: Option<SharedWord>,
    /// When it will.
    look_at: Option<Instant>,
    /// The last look was cut short.
    has_more: bool,
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
        let listens = match ring {
            Ring::Deny => None,
            Ring::Allow => Some(maps::shared_word(pins, name::LISTENS)?),
        };
        let tracker = Tracker::resumed(last);
        let (look_at, backlog) = (None, Vec::new());
        Ok(Self { ring, events, listens, look_at, has_more: false, tracker, backlog, emptied_at: 0 })
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
            if !self.has_more {
                tokio::select! {
                    // What comes after this wakes the descriptor again.
                    guard = self.events.readable_mut() => guard?.clear_ready(),
                    () = sleep_until(self.look_at.unwrap_or_else(Instant::now)), if self.look_at.is_some() => {
                        self.look_at = None;
                    }
                }
            }
            let heard = self.look(&now);
            if !heard.is_empty() {
                self.promise_to_look(now());
                return Ok(heard);
            }
        }
    }

    fn promise_to_look(&mut self, now: BootNs) {
        if let Some(listens) = &self.listens {
            self.look_at = Some(Instant::now() + LISTENS + SLACK);
            listens.store(now + LISTENS.as_nanos() as u64);
        }
    }

    /// What is there now, without waiting: for the last look before the daemon ends.
    pub fn hear_now(&mut self, now: impl Fn() -> BootNs) -> Vec<Heard> {
        let mut heard = std::mem::take(&mut self.backlog);
        heard.extend(self.look(&now));
        heard
    }

    fn look(&mut self, now: &impl Fn() -> BootNs) -> Vec<Heard> {
        let heard = drain(self.ring, self.events.get_mut(), &mut self.tracker, now);
        self.has_more = heard.len() == BATCH_MAX;
        if !self.has_more {
            self.emptied_at = now();
        }
        heard
    }

    /// Numbers that never came. `counters` are the kernel's own ([`super::maps::Maps::sequences`]), read before
    /// this call. Call it about once a second; each gap is given once.
    pub fn gaps(&mut self, counters: &[u64], now: impl Fn() -> BootNs) -> Vec<Missing> {
        self.tracker.reconcile(counters, now());
        // An event that still lies in the ring is not lost: look, and let `hear` hand it on.
        self.backlog = self.hear_now(now);
        self.tracker.gaps(self.emptied_at)
    }

    /// The same at the end, after everything was heard with [`Self::hear_now`]: nobody will be there to wait.
    pub fn last_gaps(&mut self) -> Vec<Missing> {
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
