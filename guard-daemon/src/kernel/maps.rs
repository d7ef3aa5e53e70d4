//! Typed access to the pinned maps: what the daemon writes into the kernel, and the counters it reads back.
//! Decides nothing. The policy's rows are written in `install`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use aya::maps::{Array, HashMap, Map, MapData, PerCpuArray};
use guard_common::Operation;
use guard_common::event::Ring;
use guard_common::limits::{AGENTS_MAX, GIVEN_MAX, REMOVALS_MAX, SLOTS};
use guard_common::map::cell::Cell;
use guard_common::map::enrol::{LABEL_FOUND, LABEL_WAITS, RESERVE_MAX};
use guard_common::map::label::{Label, MISSED};
use guard_common::map::name;
use guard_common::map::switch::{COUNT_ALLOW, COUNT_DENY, COUNT_LOST, COUNT_WALK, count_index};
use guard_common::map::zone::{DEV_OF_DIRECTORY, GivenKey, Mark, MarkKey};

use super::failure::{MapFailure, into_io};
use super::pins::PinFolder;
use super::plain::{Plain, Row};
use super::switches::{self, Switches};
use super::sys::SharedWord;
use crate::model::action::BootNs;
use crate::policy::rows::InodeKey;

/// The pinned maps, open.
#[derive(Debug)]
pub struct Maps {
    /// Kill words and surface switches.
    pub switches: Switches,
    pub(super) generation: SharedWord,
    pub(super) epoch: SharedWord,
    removals: Map,
    entered: SharedWord,
    pub(super) cells: OwnedFd,
    pub(super) marks: Map,
    pub(super) children: Map,
    pub(super) names: Map,
    pub(super) name_lengths: Map,
    pub(super) addresses: Map,
    pub(super) networks: Map,
    pub(super) address_heads: Map,
    pub(super) arguments: Map,
    pub(super) digests: Map,
    pub(super) digests_in_use: Map,
    /// Marks of the policy in force, so that a private mark that covered one can be taken away again. Empty
    /// after a restart, until the daemon pushes its policy.
    pub(super) policy_marks: std::collections::HashMap<InodeKey, Mark>,
    pub(super) enrol: Map,
    pub(super) enrol_counts: Map,
    pub(super) launchers: Map,
    enrolled: SharedWord,
    reserve: SharedWord,
    agent_cgroups: Map,
    given: Map,
    heartbeat: Map,
    sequence: Map,
    faults: Map,
    counts: Map,
}

/// Verdicts of one kind of action since the maps were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The kind of action.
    pub operation: Operation,
    /// Allowed.
    pub allowed: u64,
    /// Refused.
    pub denied: u64,
    /// The zone had to be walked for.
    pub walked: u64,
    /// Events that found their ring full.
    pub lost: u64,
}

/// How often a kernel helper failed at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultCount {
    /// The place's number: a [`guard_common::fault::Fault`], where this version knows it.
    pub fault: u16,
    /// The helper's error.
    pub errno: u16,
    /// How often.
    pub count: u64,
}

impl Maps {
    /// Opens the pinned maps.
    pub fn open(pins: &PinFolder) -> Result<Self, MapFailure> {
        Ok(Self {
            switches: Switches::open(pins)?,
            generation: shared_word(pins, name::GENERATION)?,
            epoch: shared_word(pins, name::EPOCH)?,
            removals: switches::open(pins, name::REMOVALS)?,
            entered: shared_word(pins, name::ENTERED)?,
            cells: cells(pins)?,
            marks: switches::open(pins, name::MARKS)?,
            children: switches::open(pins, name::CHILDREN)?,
            names: switches::open(pins, name::NAMES)?,
            name_lengths: switches::open(pins, name::NAME_LENGTHS)?,
            addresses: switches::open(pins, name::ADDRESSES)?,
            networks: switches::open(pins, name::NETWORKS)?,
            address_heads: switches::open(pins, name::ADDRESS_HEADS)?,
            arguments: switches::open(pins, name::ARGUMENTS)?,
            digests: switches::open(pins, name::DIGESTS)?,
            digests_in_use: switches::open(pins, name::DIGESTS_IN_USE)?,
            policy_marks: std::collections::HashMap::new(),
            enrol: switches::open(pins, name::ENROL)?,
            enrol_counts: switches::open(pins, name::ENROL_COUNTS)?,
            launchers: switches::open(pins, name::LAUNCHERS)?,
            enrolled: shared_word(pins, name::ENROLLED)?,
            reserve: shared_word(pins, name::RESERVE)?,
            agent_cgroups: switches::open(pins, name::AGENT_CGROUPS)?,
            given: switches::open(pins, name::GIVEN)?,
            heartbeat: switches::open(pins, name::HEARTBEAT)?,
            sequence: switches::open(pins, name::SEQUENCE)?,
            faults: switches::open(pins, name::FAULTS)?,
            counts: switches::open(pins, name::COUNTS)?,
        })
    }

    /// The policy generation in force; 0 where none was ever pushed.
    pub fn generation(&self) -> u64 {
        self.generation.load()
    }

    /// Tells the kernel that the daemon lives.
    pub fn beat(&mut self, now: BootNs) -> Result<(), MapFailure> {
        array_mut::<u64>(&mut self.heartbeat, name::HEARTBEAT)?
            .set(0, now, 0)
            .map_err(|error| MapFailure::call(name::HEARTBEAT, "write", error))
    }

    /// The daemon's last sign of life, in nanoseconds since boot; 0 where there was none.
    pub fn last_beat(&self) -> Result<BootNs, MapFailure> {
        array::<u64>(&self.heartbeat, name::HEARTBEAT)?
            .get(&0, 0)
            .map_err(|error| MapFailure::call(name::HEARTBEAT, "read", error))
    }

    /// From now on a task that enters this cgroup, or one below it, gets this label.
    pub fn register_cgroup(&mut self, cgroup: u64, label: Label) -> Result<(), MapFailure> {
        insert(
            &mut self.agent_cgroups,
            name::AGENT_CGROUPS,
            (cgroup, Plain(label)),
            AGENTS_MAX,
            FEWER_AGENTS,
        )?;
        if label.flags & LABEL_WAITS != 0 && self.enrolled.load() == 0 {
            self.enrolled.bump();
        }
        Ok(())
    }

    /// A count that was made anew under rows of before is 0, and the programs would look at nobody who starts there.
    pub(super) fn count_rows_of_before(&self) -> Result<(), MapFailure> {
        if self.enrolled.load() == 0 && !self.enrolled_cgroups()?.is_empty() {
            self.enrolled.bump();
        }
        Ok(())
    }

    /// The same for a cgroup that the programs may register as well: what they registered stays. Whether it was this.
    pub fn enrol_cgroup(&mut self, cgroup: u64, label: Label) -> Result<bool, MapFailure> {
        let mut table = HashMap::<_, u64, Plain<Label>>::try_from(&mut self.agent_cgroups)
            .map_err(|error| MapFailure::Foreign { map: name::AGENT_CGROUPS, cause: error.to_string() })?;
        match table.insert(cgroup, Plain(label), NOEXIST).map_err(into_io) {
            Ok(()) => {
                self.enrolled.bump();
                Ok(true)
            }
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(cause) => Err(full_or_failed(name::AGENT_CGROUPS, cause, AGENTS_MAX, FEWER_AGENTS)),
        }
    }

    /// Everybody who was found in a cgroup that is enrolled is labelled: who is in it from now on has entered it.
    pub fn settle_found(&mut self) -> Result<(), MapFailure> {
        for (cgroup, label) in self.cgroups()?.into_iter().filter(|(_, label)| label.flags & LABEL_FOUND != 0)
        {
            self.register_cgroup(cgroup, Label { flags: label.flags & !LABEL_FOUND, ..label })?;
        }
        Ok(())
    }

    /// How many cgroups were enrolled by rules.
    pub fn enrolled(&self) -> u64 {
        self.enrolled.load()
    }

    /// Slots that lie ready for cgroups that the programs enrol.
    pub fn reserve(&self) -> Vec<u32> {
        let slots = (0..RESERVE_MAX).map(|row| self.reserve.load_at(row));
        slots.filter_map(|slot| u32::try_from(slot).ok().filter(|slot| *slot != 0)).collect()
    }

    /// Lays slots ready where one is missing, as long as `next` has any.
    pub fn fill_reserve(&self, mut next: impl FnMut() -> Option<u32>) {
        for row in 0..RESERVE_MAX {
            if self.reserve.load_at(row) != 0 {
                continue;
            }
            let Some(slot) = next() else { return };
            // Only the programs beside this daemon change rows, and they only take: or they gave one back just now.
            let _ = self.reserve.fill_at(row, slot.into());
        }
    }

    /// Forgets a cgroup. Labels once given stay.
    pub fn unregister_cgroup(&mut self, cgroup: u64) -> Result<(), MapFailure> {
        remove::<u64, Plain<Label>>(&mut self.agent_cgroups, name::AGENT_CGROUPS, &cgroup)
    }

    /// How many processes have entered a registered cgroup since [`Self::settle_entered`] succeeded: their threads
    /// are to be walked.
    pub fn entered(&self) -> u64 {
        self.entered.load()
    }

    /// Until every thread has been walked, whoever acts without a label is asked for its cgroup's: nobody knows who
    /// was there before the programs were.
    pub fn look_after_everybody(&self) {
        self.entered.set_bits(MISSED);
    }

    /// The threads of everybody who had entered when `seen` was read are labelled. Nothing changes where somebody
    /// entered since then.
    pub fn settle_entered(&self, seen: u64) {
        self.entered.replace(seen, 0);
    }

    /// Every registered cgroup with its label: after a restart, the agents that live.
    pub fn cgroups(&self) -> Result<Vec<(u64, Label)>, MapFailure> {
        labels_of_cgroups(&self.agent_cgroups)
    }

    /// Lets an agent use what its launcher holds open for it, whatever the zone.
    pub fn give(&mut self, slot: u32, objects: &[InodeKey]) -> Result<(), MapFailure> {
        for (dev, ino) in objects {
            let key = GivenKey { ino: *ino, dev: dev & !DEV_OF_DIRECTORY, agent: slot };
            let row = (Plain(key), 1_u32);
            insert(&mut self.given, name::GIVEN, row, GIVEN_MAX, FEWER_AGENTS)?;
        }
        Ok(())
    }

    /// Takes back whatever was given to an agent.
    pub fn take_back(&mut self, slot: u32) -> Result<(), MapFailure> {
        let map = hash::<Plain<GivenKey>, u32>(&self.given, name::GIVEN)?;
        let keys: Result<Vec<_>, _> = map.keys().collect();
        let keys = keys.map_err(|error| MapFailure::call(name::GIVEN, "read", error))?;
        for key in keys.into_iter().filter(|Plain(key)| key.agent == slot) {
            remove::<_, u32>(&mut self.given, name::GIVEN, &key)?;
        }
        Ok(())
    }

    /// Marks an agent's private folders, in force at once and through every policy push that passes them on.
    pub fn add_private_marks(&mut self, marks: &[(InodeKey, Mark)]) -> Result<(), MapFailure> {
        for (inode, mark) in marks {
            let covered = self.policy_marks.get(inode).copied().unwrap_or_default();
            let mark = Mark { zone: mark.zone, flags: mark.flags | covered.flags };
            for slot in 0..SLOTS {
                insert(
                    &mut self.marks,
                    name::MARKS,
                    (mark_key(*inode, slot), Plain(mark)),
                    MARKS_MAX,
                    FULL_OF_MARKS,
                )?;
            }
        }
        // What was walked for before the marks stood must be walked for again.
        self.epoch.bump();
        Ok(())
    }

    /// Takes private marks away. A mark of the policy's that one of them covered is in force again.
    pub fn remove_private_marks(&mut self, inodes: &[InodeKey]) -> Result<(), MapFailure> {
        let in_force = slot_of(self.generation());
        for inode in inodes {
            for slot in 0..SLOTS {
                let key = mark_key(*inode, slot);
                match self.policy_marks.get(inode) {
                    Some(mark) if slot == in_force => {
                        insert(&mut self.marks, name::MARKS, (key, Plain(*mark)), MARKS_MAX, FULL_OF_MARKS)?;
                    }
                    Some(_) | None => remove::<_, Plain<Mark>>(&mut self.marks, name::MARKS, &key)?,
                }
            }
        }
        self.epoch.bump();
        Ok(())
    }

    /// Grows whenever a directory was moved, or a private mark came or went.
    pub fn epoch(&self) -> u64 {
        self.epoch.load()
    }

    /// How often removing a directory was tried.
    pub fn removals(&self) -> Result<u64, MapFailure> {
        let rows = array::<u64>(&self.removals, name::REMOVALS)?;
        (0..REMOVALS_MAX).try_fold(0, |sum: u64, row| {
            let count = rows.get(&row, 0).map_err(|error| MapFailure::call(name::REMOVALS, "read", error))?;
            Ok(sum.wrapping_add(count))
        })
    }

    /// Verdicts by kind of action, over all CPUs.
    pub fn counts(&self) -> Result<Vec<Counts>, MapFailure> {
        let map = per_cpu(&self.counts, name::COUNTS)?;
        let sum = |operation: Operation, column| -> Result<u64, MapFailure> {
            let index = count_index(u32::from(operation.raw()), column);
            let values = map.get(&index, 0).map_err(|error| MapFailure::call(name::COUNTS, "read", error))?;
            Ok(values.iter().fold(0, |sum: u64, value| sum.saturating_add(*value)))
        };
        Operation::ALL
            .iter()
            .map(|&operation| {
                Ok(Counts {
                    operation,
                    allowed: sum(operation, COUNT_ALLOW)?,
                    denied: sum(operation, COUNT_DENY)?,
                    walked: sum(operation, COUNT_WALK)?,
                    lost: sum(operation, COUNT_LOST)?,
                })
            })
            .collect()
    }

    /// Failed helpers, by place and error.
    pub fn faults(&self) -> Result<Vec<FaultCount>, MapFailure> {
        let mut faults = Vec::new();
        for row in hash::<u32, u64>(&self.faults, name::FAULTS)?.iter() {
            let (key, count) = row.map_err(|error| MapFailure::call(name::FAULTS, "read", error))?;
            let [high, low] = [(key >> 16) as u16, key as u16];
            faults.push(FaultCount { fault: high, errno: low, count });
        }
        faults.sort_unstable();
        Ok(faults)
    }

    /// Last sequence number of each CPU in a ring, by CPU.
    pub fn sequences(&self, ring: Ring) -> Result<Vec<u64>, MapFailure> {
        let values = per_cpu(&self.sequence, name::SEQUENCE)?
            .get(&u32::from(ring.raw()), 0)
            .map_err(|error| MapFailure::call(name::SEQUENCE, "read", error))?;
        Ok(values.iter().copied().collect())
    }
}

pub(super) use guard_common::limits::MARKS_MAX;
/// `BPF_NOEXIST`: adds a row, and changes none.
const NOEXIST: u64 = 1;
/// What to do about a full table of agents.
const FEWER_AGENTS: &str = "too many agents live at once; end some";
/// What to do about a full mark table.
pub(super) const FULL_OF_MARKS: &str = "the policy's roots and the agents' folders are too many together";

pub(super) fn slot_of(generation: u64) -> u32 {
    u32::from(generation & 1 == 1)
}

pub(super) fn mark_key((dev, ino): InodeKey, slot: u32) -> Plain<MarkKey> {
    Plain(MarkKey { ino, dev, slot })
}

/// Writes a row of a hash. A full table is told with what to do about it.
pub(super) fn insert<K: Row, V: Row>(
    map: &mut Map,
    name: &'static str,
    (key, value): (K, V),
    rows: u32,
    advice: &'static str,
) -> Result<(), MapFailure> {
    let mut table = HashMap::<_, K, V>::try_from(map)
        .map_err(|error| MapFailure::Foreign { map: name, cause: error.to_string() })?;
    table.insert(key, value, 0).map_err(|error| write_failed(name, error, rows, advice))
}

/// A failed write, with a full map told apart: hashes say E2BIG, tries ENOSPC.
pub(super) fn write_failed(
    name: &'static str,
    error: aya::maps::MapError,
    rows: u32,
    advice: &'static str,
) -> MapFailure {
    full_or_failed(name, into_io(error), rows, advice)
}

fn full_or_failed(name: &'static str, cause: io::Error, rows: u32, advice: &'static str) -> MapFailure {
    match cause.raw_os_error() {
        Some(nix::libc::E2BIG | nix::libc::ENOSPC) => MapFailure::Full { map: name, rows, advice },
        Some(_) | None => MapFailure::Call { map: name, doing: "write", cause },
    }
}

/// Removes a row of a hash; one that is not there is no error.
fn remove<K: Row, V: Row>(map: &mut Map, name: &'static str, key: &K) -> Result<(), MapFailure> {
    let mut table = HashMap::<_, K, V>::try_from(map)
        .map_err(|error| MapFailure::Foreign { map: name, cause: error.to_string() })?;
    match table.remove(key).map_err(into_io) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(MapFailure::Call { map: name, doing: "remove", cause })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Rows of `AGENT_CGROUPS`.
pub(super) fn labels_of_cgroups(map: &Map) -> Result<Vec<(u64, Label)>, MapFailure> {
    let map = hash::<u64, Plain<Label>>(map, name::AGENT_CGROUPS)?;
    let rows = map.iter().map(|row| row.map(|(cgroup, Plain(label))| (cgroup, label)));
    rows.collect::<Result<_, _>>().map_err(|error| MapFailure::call(name::AGENT_CGROUPS, "read", error))
}

fn hash<'map, K: Row, V: Row>(
    map: &'map Map,
    name: &'static str,
) -> Result<HashMap<&'map MapData, K, V>, MapFailure> {
    HashMap::try_from(map).map_err(|error| MapFailure::Foreign { map: name, cause: error.to_string() })
}

fn array<'map, V: Row>(map: &'map Map, name: &'static str) -> Result<Array<&'map MapData, V>, MapFailure> {
    Array::try_from(map).map_err(|error| MapFailure::Foreign { map: name, cause: error.to_string() })
}

pub(super) fn array_mut<'map, V: Row>(
    map: &'map mut Map,
    name: &'static str,
) -> Result<Array<&'map mut MapData, V>, MapFailure> {
    Array::try_from(map).map_err(|error| MapFailure::Foreign { map: name, cause: error.to_string() })
}

fn per_cpu<'map>(map: &'map Map, name: &'static str) -> Result<PerCpuArray<&'map MapData, u64>, MapFailure> {
    PerCpuArray::try_from(map).map_err(|error| MapFailure::Foreign { map: name, cause: error.to_string() })
}

fn data(pins: &PinFolder, map: &'static str) -> Result<MapData, MapFailure> {
    let path = pins.map(map);
    MapData::from_pin(&path).map_err(|error| MapFailure::open(&path, error))
}

/// The cells, written many at a time, for which the library has no form: only the descriptor is kept.
fn cells(pins: &PinFolder) -> Result<OwnedFd, MapFailure> {
    const NAME: &str = name::CELLS;
    let data = data(pins, NAME)?;
    let fd = data.fd().as_fd().try_clone_to_owned();
    let foreign = |error: aya::maps::MapError| MapFailure::Foreign { map: NAME, cause: error.to_string() };
    let map = Map::from_map_data(data).map_err(foreign)?;
    Array::<_, Plain<Cell>>::try_from(&map).map_err(foreign)?;
    fd.map_err(|cause| MapFailure::Call { map: NAME, doing: "open", cause })
}

pub(super) fn shared_word(pins: &PinFolder, name: &'static str) -> Result<SharedWord, MapFailure> {
    let data = data(pins, name)?;
    let info = data.info().map_err(|error| MapFailure::call(name, "describe", error))?;
    if info.value_size() != 8 {
        return Err(MapFailure::Foreign { map: name, cause: format!("rows of {} bytes", info.value_size()) });
    }
    SharedWord::map(data.fd().as_fd()).map_err(|cause| MapFailure::Call { map: name, doing: "share", cause })
}
