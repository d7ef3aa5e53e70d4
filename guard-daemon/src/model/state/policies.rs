//! The zone graph of the last few policy generations, as far as judging a kernel verdict needs it.
//!
//! An event names the generation that it was decided from, and may be read after the next one came into force.

use std::collections::{BTreeMap, VecDeque};

use guard_common::map::cell::Cell;
use guard_common::{Surface, Verdict, ZoneId};

/// Generations kept: the one in force, and those whose events may still stand in a ring.
pub const GENERATIONS_KEPT: usize = 8;

/// One policy generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyView {
    /// Its number in the kernel maps.
    pub generation: u64,
    /// SHA-256 of its text, hex.
    pub sha256: String,
    /// Profile names by index.
    pub profiles: BTreeMap<u16, String>,
    /// Zone names by id, the built-in ones included.
    pub zones: BTreeMap<u16, String>,
    /// Edges by (profile, zone).
    pub cells: BTreeMap<(u16, u16), Cell>,
    /// Rules on arguments as they are written, by (profile, zone).
    pub arguments: BTreeMap<(u16, u16), Vec<String>>,
}

impl PolicyView {
    /// The edge's verdict; `None` where no edge leads.
    pub fn edge(&self, profile: u16, zone: ZoneId, surface: Surface) -> Option<Verdict> {
        self.cells.get(&(profile, zone.0)).and_then(|cell| cell.verdict(surface))
    }
}

/// Policy generations, the newest last.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    kept: VecDeque<PolicyView>,
}

impl Policies {
    /// Takes a generation as the one in force; the oldest is forgotten beyond [`GENERATIONS_KEPT`].
    pub fn take(&mut self, view: PolicyView) {
        self.kept.retain(|kept| kept.generation != view.generation);
        self.kept.push_back(view);
        while self.kept.len() > GENERATIONS_KEPT {
            self.kept.pop_front();
        }
    }

    /// The generation in force.
    pub fn current(&self) -> Option<&PolicyView> {
        self.kept.back()
    }

    /// The generation with this number, as long as it is kept.
    pub fn generation(&self, number: u64) -> Option<&PolicyView> {
        self.kept.iter().rev().find(|view| view.generation == number)
    }

    /// A zone's name in a generation; built-in ones are known even without a policy, others fall back to
    /// their number, so that a record never lies about a name.
    pub fn zone_name(&self, generation: u64, zone: ZoneId) -> String {
        let named = self.generation(generation).and_then(|view| view.zones.get(&zone.0).cloned());
        named.unwrap_or_else(|| built_in_name(zone))
    }
}

fn built_in_name(zone: ZoneId) -> String {
    let built_in = ZoneId::BUILT_IN.iter().find(|(_, id)| *id == zone);
    built_in.map_or_else(|| format!("zone {}", zone.0), |(name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(generation: u64) -> PolicyView {
        PolicyView { generation, ..PolicyView::default() }
    }

    #[test]
    fn an_event_of_the_generation_before_is_still_judged_by_it() {
        let mut policies = Policies::default();
        policies.take(view(2));
        policies.take(view(3));
        assert_eq!(policies.current().map(|view| view.generation), Some(3));
        assert!(policies.generation(2).is_some());
    }

    #[test]
    fn no_more_generations_are_kept_than_the_bound_says() {
        let mut policies = Policies::default();
        (1..=20).for_each(|generation| policies.take(view(generation)));
        assert!(policies.generation(12).is_none());
        assert!(policies.generation(13).is_some());
    }

    #[test]
    fn a_zone_without_a_name_is_told_by_its_number() {
        assert_eq!(Policies::default().zone_name(1, ZoneId::GUARD), "guard");
        assert_eq!(Policies::default().zone_name(1, ZoneId(77)), "zone 77");
    }
}
