//! Putting a policy generation into the maps: all of it, or none of it.
//!
//! The rows of two generations live side by side, told apart by a slot, the generation's lowest bit. A program
//! reads the generation once, at its start, and looks nothing up but in that slot. A push writes the slot that
//! nobody reads and then flips the generation with one atomic store: what began before is judged by the old
//! rows, what begins after by the new, nothing by a mixture. A push that fails half-way leaves rows behind that
//! nobody reads; the next push clears them.
//!
//! The idle slot may still be read by a program that began before the last flip. Before it is touched, a grace
//! period passes in which every such program ends. That holds for programs that cannot sleep; of those that may, the
//! loader takes only the ones that are known to ask, after they have looked, whether the generation is still theirs.

use std::os::fd::AsFd;

use aya::maps::{HashMap, Map};
use guard_common::limits::{
    CHILDREN_MAX, DIGESTS_MAX, NAME_RULE_LEN_MAX, NAMES_MAX, PROFILES_MAX, ZONES_MAX,
};
use guard_common::map::arguments::{ARGUMENT_RULES_MAX, ArgumentRules, ArgumentsKey};
use guard_common::map::cell::{self, Cell};
use guard_common::map::digest::DigestKey;
use guard_common::map::enrol::{EnrolRule, LAUNCHERS_MAX, RULES_MAX};
use guard_common::map::name;
use guard_common::map::zone::{ChildKey, Mark, MarkKey, NameKey, NameKind, NameLengths};

use super::addresses::AddressTables;
use super::failure::{MapFailure, into_io};
use super::maps::{FULL_OF_MARKS, MARKS_MAX, Maps, array_mut, insert, mark_key, slot_of};
use super::plain::{Plain, Row};
use super::sys;
use crate::policy::rows::{InodeKey, Rows};

pub(super) const FEWER_RULES: &str =
    "the policy has too many rules of this kind; both generations share the rows";

/// A policy that is written and not in force.
#[derive(Debug)]
#[must_use = "nothing is in force before `Maps::flip`"]
pub struct Prepared {
    generation: u64,
    marks: std::collections::HashMap<InodeKey, Mark>,
}

impl Prepared {
    /// The generation it will be.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

impl Maps {
    /// Writes a policy where nobody reads it yet. `private` are the marks of the living agents' folders: they
    /// cover the policy's own. On failure, or when the result is dropped, the old generation stays in force,
    /// whole.
    pub fn prepare_policy(
        &mut self,
        rows: &Rows,
        private: &[(InodeKey, Mark)],
    ) -> Result<Prepared, MapFailure> {
        self.prepare_numbered(self.generation().wrapping_add(1).max(1), rows, private)
    }

    /// The same for the first policy of these maps: with a number above `after`.
    pub fn prepare_policy_after(
        &mut self,
        after: u64,
        rows: &Rows,
        private: &[(InodeKey, Mark)],
    ) -> Result<Prepared, MapFailure> {
        // Odd: at generation 0 the programs look into the rows of even numbers.
        self.prepare_numbered(after.wrapping_add(1) | 1, rows, private)
    }

    fn prepare_numbered(
        &mut self,
        next: u64,
        rows: &Rows,
        private: &[(InodeKey, Mark)],
    ) -> Result<Prepared, MapFailure> {
        let marks = merged_marks(rows, private);
        check(rows)?;
        let slot = slot_of(next);

        sys::wait_for_running_programs().map_err(|cause| MapFailure::Call {
            map: name::GENERATION,
            doing: "wait for readers",
            cause,
        })?;
        self.clear(slot)?;
        self.write_cells(slot, &rows.cells)?;
        for (inode, mark) in &marks {
            insert(
                &mut self.marks,
                name::MARKS,
                (mark_key(*inode, slot), Plain(*mark)),
                MARKS_MAX,
                FULL_OF_MARKS,
            )?;
        }
        self.write_children(slot, rows)?;
        self.write_names(slot, rows)?;
        self.write_addresses(slot, &rows.addresses)?;
        self.write_arguments(slot, &rows.arguments)?;
        self.write_digests(slot, &rows.digests)?;
        self.write_enrolments(slot, rows)?;
        Ok(Prepared { generation: next, marks: rows.marks.iter().copied().collect() })
    }

    /// Puts a prepared policy in force with one atomic store. A later preparation writes over an earlier one:
    /// only the last may be put in force, and only once.
    pub fn flip(&mut self, prepared: Prepared) -> u64 {
        let Prepared { generation, marks } = prepared;
        self.generation.store(generation);
        self.policy_marks = marks;
        generation
    }

    /// Removes what an earlier generation, or a push that failed, left in the slot. Cells are overwritten whole.
    fn clear(&mut self, slot: u32) -> Result<(), MapFailure> {
        clear_hash::<MarkKey, Plain<Mark>>(&mut self.marks, name::MARKS, |key| key.slot == slot)?;
        clear_hash::<ChildKey, Plain<Mark>>(&mut self.children, name::CHILDREN, |key| key.slot == slot)?;
        clear_hash::<ChildKey, u32>(&mut self.launchers, name::LAUNCHERS, |key| key.slot == slot)?;
        clear_hash::<NameKey, Plain<Mark>>(&mut self.names, name::NAMES, |key| u32::from(key.slot) == slot)?;
        clear_hash::<ArgumentsKey, Plain<ArgumentRules>>(&mut self.arguments, name::ARGUMENTS, |key| {
            key.slot == slot
        })?;
        clear_hash::<DigestKey, Plain<Mark>>(&mut self.digests, name::DIGESTS, |key| key.slot == slot)?;
        self.clear_addresses(slot)
    }

    /// Every cell of the slot in one call; what the policy does not name is empty, and an empty cell refuses.
    fn write_cells(&mut self, slot: u32, rows: &[(u16, u16, Cell)]) -> Result<(), MapFailure> {
        let first = cell::index(slot, 0, 0);
        let keys: Vec<u32> = (first..cell::index(slot + 1, 0, 0)).collect();
        let mut cells = vec![Plain(Cell::default()); keys.len()];
        for (profile, zone, row) in rows {
            let index = cell::index(0, (*profile).into(), (*zone).into());
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            *cells.get_mut(index).ok_or_else(|| out_of_range(*profile, *zone))? = Plain(*row);
        }
        sys::update_batch(self.cells.as_fd(), &keys, &cells).map_err(|cause| MapFailure::Call {
            map: name::CELLS,
            doing: "write",
            cause,
        })
    }

    fn write_children(&mut self, slot: u32, rows: &Rows) -> Result<(), MapFailure> {
        for ((dev, ino), child, mark) in &rows.children {
            let key = Plain(ChildKey { ino: *ino, dev: *dev, slot, name: *child });
            insert(&mut self.children, name::CHILDREN, (key, Plain(*mark)), CHILDREN_MAX, FEWER_RULES)?;
        }
        Ok(())
    }

    fn write_names(&mut self, slot: u32, rows: &Rows) -> Result<(), MapFailure> {
        let mut lengths = NameLengths::default();
        for (kind, text, mark) in &rows.names {
            let key = name_key(slot, *kind, text)?;
            let bit = 1_u64 << key.len;
            match kind {
                NameKind::Exact => lengths.exact |= bit,
                NameKind::Suffix => lengths.suffix |= bit,
                NameKind::Prefix => lengths.prefix |= bit,
            }
            insert(&mut self.names, name::NAMES, (Plain(key), Plain(*mark)), NAMES_MAX, FEWER_RULES)?;
        }
        array_mut::<Plain<NameLengths>>(&mut self.name_lengths, name::NAME_LENGTHS)?
            .set(slot, Plain(lengths), 0)
            .map_err(|error| MapFailure::call(name::NAME_LENGTHS, "write", error))
    }

    fn write_arguments(&mut self, slot: u32, rows: &[(u16, u16, ArgumentRules)]) -> Result<(), MapFailure> {
        for (profile, zone, rules) in rows {
            let key = Plain(ArgumentsKey { slot, profile: *profile, zone: *zone });
            let row = (key, Plain(*rules));
            insert(&mut self.arguments, name::ARGUMENTS, row, ARGUMENT_RULES_MAX, FEWER_RULES)?;
        }
        Ok(())
    }

    /// How many there are is written last: a program that finds none takes no digests.
    fn write_digests(&mut self, slot: u32, rows: &[([u8; 32], Mark)]) -> Result<(), MapFailure> {
        for (sha256, mark) in rows {
            let key = Plain(DigestKey { slot, sha256: *sha256 });
            insert(&mut self.digests, name::DIGESTS, (key, Plain(*mark)), DIGESTS_MAX, FEWER_RULES)?;
        }
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        array_mut::<u32>(&mut self.digests_in_use, name::DIGESTS_IN_USE)?
            .set(slot, count, 0)
            .map_err(|error| MapFailure::call(name::DIGESTS_IN_USE, "write", error))
    }
}

/// The policy's marks, with the agents' private ones over them: a private folder keeps the policy's flags.
fn merged_marks(rows: &Rows, private: &[(InodeKey, Mark)]) -> std::collections::BTreeMap<InodeKey, Mark> {
    let mut marks: std::collections::BTreeMap<_, _> = rows.marks.iter().copied().collect();
    for (inode, mark) in private {
        let under = marks.get(inode).copied().unwrap_or_default();
        marks.insert(*inode, Mark { zone: mark.zone, flags: mark.flags | under.flags });
    }
    marks
}

/// Refuses rows that no slot has room for, before anything is written.
fn check(rows: &Rows) -> Result<(), MapFailure> {
    for (profile, zone, _) in &rows.cells {
        if u32::from(*profile) >= PROFILES_MAX || u32::from(*zone) >= ZONES_MAX {
            return Err(out_of_range(*profile, *zone));
        }
    }
    for (kind, text, _) in &rows.names {
        name_key(0, *kind, text)?;
    }
    AddressTables::of(0, &rows.addresses).map(drop)
}

fn out_of_range(profile: u16, zone: u16) -> MapFailure {
    let what =
        format!("no row for profile {profile} and zone {zone}; at most {PROFILES_MAX} and {ZONES_MAX} fit");
    MapFailure::Refused { map: name::CELLS, what }
}

fn name_key(slot: u32, kind: NameKind, text: &[u8]) -> Result<NameKey, MapFailure> {
    let refused = || MapFailure::Refused {
        map: name::NAMES,
        what: format!("a name rule has {} bytes; 1 to {NAME_RULE_LEN_MAX} are possible", text.len()),
    };
    let mut padded = [0; NAME_RULE_LEN_MAX];
    padded.get_mut(..text.len()).filter(|room| !room.is_empty()).ok_or_else(refused)?.copy_from_slice(text);
    let len = u8::try_from(text.len()).map_err(|_| refused())?;
    Ok(NameKey { slot: u16::from(slot == 1), kind: kind.raw(), len, name: padded })
}

impl Maps {
    /// The rules that count are written whole; the count says how many do.
    fn write_enrolments(&mut self, slot: u32, rows: &Rows) -> Result<(), MapFailure> {
        let write = |name, error| MapFailure::call(name, "write", error);
        let count = u32::try_from(rows.enrol.len()).ok().filter(|count| *count <= RULES_MAX);
        let count = count.ok_or_else(|| MapFailure::Refused {
            map: name::ENROL,
            what: format!("{} rules; at most {RULES_MAX} fit", rows.enrol.len()),
        })?;
        let mut rules = array_mut::<Plain<EnrolRule>>(&mut self.enrol, name::ENROL)?;
        for (number, rule) in (slot * RULES_MAX..).zip(&rows.enrol) {
            rules.set(number, Plain(*rule), 0).map_err(|error| write(name::ENROL, error))?;
        }
        array_mut::<u32>(&mut self.enrol_counts, name::ENROL_COUNTS)?
            .set(slot, count, 0)
            .map_err(|error| write(name::ENROL_COUNTS, error))?;
        for ((dev, ino), program) in &rows.launchers {
            let key = Plain(ChildKey { ino: *ino, dev: *dev, slot, name: *program });
            insert(&mut self.launchers, name::LAUNCHERS, (key, 1_u32), LAUNCHERS_MAX, FEWER_RULES)?;
        }
        Ok(())
    }
}

pub(super) fn clear_hash<K: 'static + Copy, V: Row>(
    map: &mut Map,
    name: &'static str,
    stale: impl Fn(&K) -> bool,
) -> Result<(), MapFailure>
where
    Plain<K>: Row,
{
    let mut table = HashMap::<_, Plain<K>, V>::try_from(map)
        .map_err(|error| MapFailure::Foreign { map: name, cause: error.to_string() })?;
    // Collected first: a walk that removes what it stands on begins anew.
    let keys: Vec<_> =
        table.keys().collect::<Result<Vec<_>, _>>().map_err(|error| MapFailure::call(name, "read", error))?;
    for key in keys.iter().filter(|Plain(key)| stale(key)) {
        table.remove(key).map_err(|error| MapFailure::Call {
            map: name,
            doing: "remove",
            cause: into_io(error),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use guard_common::map::zone::MARK_HAS_CHILDREN;

    #[test]
    fn a_private_folder_covers_the_policys_mark_and_keeps_its_flags() {
        let rows =
            Rows { marks: vec![((1, 2), Mark { zone: 9, flags: MARK_HAS_CHILDREN })], ..Rows::default() };
        let merged = merged_marks(&rows, &[((1, 2), Mark { zone: 1024, flags: 0 })]);
        assert_eq!(merged.get(&(1, 2)), Some(&Mark { zone: 1024, flags: MARK_HAS_CHILDREN }));
    }

    #[test]
    fn rows_that_do_not_fit_are_refused_before_anything_is_written() {
        let long = vec![b'a'; 33];
        for rows in [
            Rows { cells: vec![(64, 0, Cell::default())], ..Rows::default() },
            Rows { cells: vec![(0, 1024, Cell::default())], ..Rows::default() },
            Rows { names: vec![(NameKind::Exact, Vec::new(), Mark::default())], ..Rows::default() },
            Rows { names: vec![(NameKind::Exact, long, Mark::default())], ..Rows::default() },
        ] {
            assert!(matches!(check(&rows), Err(MapFailure::Refused { .. })), "{rows:?}");
        }
        let fits = vec![(NameKind::Suffix, vec![b'a'; 32], Mark::default())];
        check(&Rows { cells: vec![(63, 1023, Cell::default())], names: fits, ..Rows::default() }).unwrap();
    }
}
