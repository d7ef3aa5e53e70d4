//! Cgroups that rules have enrolled, as the pinned maps have them: needs no daemon. Names them as the daemon does.

use std::collections::HashMap;

use aya::maps::{Array, MapData};
use guard_common::map::enrol::{EnrolRule, LABEL_WAITS, NO_SLOT, RULES_MAX};
use guard_common::map::label::Label;
use guard_common::map::name;

use super::enrol::{AgentCgroup, Cgroups, EnrolError};
use super::failure::MapFailure;
use super::maps::{Maps, labels_of_cgroups};
use super::pins::PinFolder;
use super::plain::Plain;
use super::switches;
use crate::policy::enrolled::{agent_name, first_match};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Its id.
    pub id: u64,
    /// Its label.
    pub label: Label,
}

impl Enrolled {
    /// Whether no slot was left for it.
    pub fn is_without_slot(&self) -> bool {
        self.label.agent == NO_SLOT
    }
}

impl Maps {
    /// Every cgroup that a rule has enrolled.
    pub fn enrolled_cgroups(&self) -> Result<Vec<Enrolled>, MapFailure> {
        Ok(by_rules(self.cgroups()?).map(|(id, label)| Enrolled { id, label }).collect())
    }
}

fn by_rules(rows: Vec<(u64, Label)>) -> impl Iterator<Item = (u64, Label)> {
    rows.into_iter().filter(|(_, label)| label.flags & LABEL_WAITS != 0)
}

/// Every cgroup that a rule has enrolled and that is still there. `known` are names by cgroup that somebody noted
/// down; others are named by the rules in force. Where some cannot be seen, the others are given all the same.
pub fn enrolled(
    pins: &PinFolder,
    cgroups: &Cgroups,
    known: &HashMap<u64, String>,
) -> (Vec<AgentCgroup>, Result<(), EnrolError>) {
    let rows = || -> Result<_, MapFailure> {
        let map = switches::open(pins, name::AGENT_CGROUPS)?;
        Ok((by_rules(labels_of_cgroups(&map)?).collect::<HashMap<u64, Label>>(), rules(pins)?))
    };
    let (labels, rules) = match rows() {
        Ok((labels, _)) if labels.is_empty() => return (Vec::new(), Ok(())),
        Ok(rows) => rows,
        Err(error) => return (Vec::new(), Err(error.into())),
    };
    let (there, seen) = cgroups.of_host();
    let named = |(path, id): (String, u64)| {
        let label = labels.get(&id)?;
        let agent = known.get(&id).cloned();
        let agent = agent.unwrap_or_else(|| agent_name(first_match(&rules, &path), &path));
        cgroups.enrolled(&path, id, label.agent, &agent)
    };
    (there.into_iter().filter_map(named).collect(), seen)
}

/// The rules in force.
fn rules(pins: &PinFolder) -> Result<Vec<EnrolRule>, MapFailure> {
    let generation = number(pins, name::GENERATION)?;
    let slot = u32::from(generation & 1 == 1);
    let counts = switches::open(pins, name::ENROL_COUNTS)?;
    let counts: Array<&MapData, u32> = Array::try_from(&counts)
        .map_err(|error| MapFailure::Foreign { map: name::ENROL_COUNTS, cause: error.to_string() })?;
    let count = counts.get(&slot, 0).map_err(|error| MapFailure::call(name::ENROL_COUNTS, "read", error))?;
    let map = switches::open(pins, name::ENROL)?;
    let table: Array<&MapData, Plain<EnrolRule>> = Array::try_from(&map)
        .map_err(|error| MapFailure::Foreign { map: name::ENROL, cause: error.to_string() })?;
    let read = |number: u32| {
        let row = table.get(&(slot * RULES_MAX + number), 0);
        row.map(|Plain(rule)| rule).map_err(|error| MapFailure::call(name::ENROL, "read", error))
    };
    (0..count.min(RULES_MAX)).map(read).collect()
}

fn number(pins: &PinFolder, map: &'static str) -> Result<u64, MapFailure> {
    let data = switches::open(pins, map)?;
    let array: Array<&MapData, u64> =
        Array::try_from(&data).map_err(|error| MapFailure::Foreign { map, cause: error.to_string() })?;
    array.get(&0, 0).map_err(|error| MapFailure::call(map, "read", error))
}
