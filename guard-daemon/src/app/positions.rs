//! How far the rings were heard by the daemon before this one. Written at a clean end and used once. After a
//! crash the ledger says how far they were recorded: what was heard and not recorded is a gap.

use std::collections::BTreeMap;

use guard_common::event::Ring;
use serde::{Deserialize, Serialize};

use super::paths::Paths;
use super::saved;
use crate::model::action::Position;
use crate::model::record::Record;

/// Last positions heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Positions {
    boot: String,
    denies: Vec<Position>,
    allows: Vec<Position>,
}

impl Positions {
    /// What this boot's rings were heard to.
    pub(super) fn new(boot: String, denies: Vec<Position>, allows: Vec<Position>) -> Self {
        Self { boot, denies, allows }
    }

    /// What a ledger's entries say, in any order.
    pub(super) fn recorded(boot: &str, records: &[Record]) -> Self {
        let mut last: BTreeMap<(&str, u32), u64> = BTreeMap::new();
        for (ring, cpu, seq) in records.iter().filter_map(position) {
            let known = last.entry((ring, cpu)).or_default();
            *known = seq.max(*known);
        }
        let of = |ring: Ring| {
            let own = last.iter().filter(|((name, _), _)| *name == ring.name());
            own.map(|((_, cpu), seq)| Position { cpu: *cpu, seq: *seq }).collect()
        };
        Self { boot: boot.to_owned(), denies: of(Ring::Deny), allows: of(Ring::Allow) }
    }

    /// Positions of one ring.
    pub(super) fn of(&self, ring: Ring) -> Vec<Position> {
        match ring {
            Ring::Deny => self.denies.clone(),
            Ring::Allow => self.allows.clone(),
        }
    }

    /// Takes what the daemon before left, if it was of this boot.
    pub(super) fn take(paths: &Paths, boot: &str) -> Option<Self> {
        let path = paths.positions();
        let positions = saved::read::<Self>(&path).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        });
        // Gone before the first event is heard: a crash from now on must not find old positions.
        let _ = std::fs::remove_file(&path);
        positions.filter(|positions| positions.boot == boot)
    }

    /// Leaves them for the next daemon.
    pub(super) fn leave(&self, paths: &Paths) -> std::io::Result<()> {
        saved::write(&paths.positions(), self)
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only four records stand at a position; decides no verdict"
)]
fn position(record: &Record) -> Option<(&str, u32, u64)> {
    match record {
        Record::Enforce(enforce) => Some((&enforce.ring, enforce.position.cpu, enforce.position.seq)),
        Record::Enrol(enrol) => {
            enrol.ring.as_deref().zip(enrol.position).map(|(ring, at)| (ring, at.cpu, at.seq))
        }
        Record::Enter(enter) => Some((&enter.ring, enter.position.cpu, enter.position.seq)),
        Record::Gap { ring, cpu, from: _, to } => Some((ring, *cpu, *to)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_crash_the_ledger_says_how_far_each_ring_of_each_cpu_was_recorded() {
        let gap = |ring: &str, cpu, to| Record::Gap { ring: ring.to_owned(), cpu, from: 1, to };
        let records =
            [gap("deny", 0, 7), gap("deny", 0, 9), gap("deny", 1, 2), gap("allow", 0, 40), gap("deny", 0, 3)];
        let positions = Positions::recorded("one", &records);
        let at = |cpu, seq| Position { cpu, seq };
        assert_eq!(positions.of(Ring::Deny), [at(0, 9), at(1, 2)]);
        assert_eq!(positions.of(Ring::Allow), [at(0, 40)]);
    }

    #[test]
    fn positions_are_used_once_and_only_in_their_own_boot() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let paths =
            Paths { state: root.clone(), run: root.clone(), socket: root.join("s"), programs: Vec::new() };
        let positions = Positions::new("one".to_owned(), vec![Position { cpu: 0, seq: 9 }], Vec::new());
        positions.leave(&paths).unwrap();
        assert_eq!(Positions::take(&paths, "one"), Some(positions.clone()));
        assert_eq!(Positions::take(&paths, "one"), None);
        positions.leave(&paths).unwrap();
        assert_eq!(Positions::take(&paths, "two"), None);
    }
}
