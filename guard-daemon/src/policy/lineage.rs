//! Numbers that outlive a policy: a name keeps its number over pushes and restarts.

use std::collections::{BTreeMap, BTreeSet};

use guard_common::limits::PROFILES_MAX;
use serde::{Deserialize, Serialize};

use super::check::{Profile, ZONES_OWN_MAX, Zone};
use super::problem::{Place, Problem, Problems};
use super::source::Sources;

/// Which number each name has had. Kept over pushes and restarts: running agents carry a profile's number, and
/// events a zone's, for as long as they live.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Profile names by index. A removed profile keeps its index, without any edge.
    pub profiles: Vec<String>,
    /// Zone names by id, from the first id of a policy's own. A removed zone's id is given again only when no
    /// other is left.
    pub zones: Vec<String>,
}

impl Lineage {
    /// The same numbers for names that had one, new ones for new names in the order of the alphabet.
    pub(super) fn extended(
        &self,
        sources: &Sources,
        profiles: &BTreeMap<String, Profile>,
        zones: &BTreeMap<String, Zone>,
    ) -> Result<Self, Problems> {
        let mut next = self.clone();
        for (name, profile) in profiles {
            if next.profiles.contains(name) {
                continue;
            }
            if next.profiles.len() >= PROFILES_MAX as usize {
                return Err(no_index_left(sources.place(profile.spot), name));
            }
            next.profiles.push(name.clone());
        }
        let known: BTreeSet<&String> = self.zones.iter().collect();
        let mut gone: Vec<usize> =
            (0..self.zones.len()).rev().filter(|id| !zones.contains_key(&self.zones[*id])).collect();
        for name in zones.keys().filter(|name| !known.contains(name)) {
            match (next.zones.len() < ZONES_OWN_MAX, gone.pop()) {
                (false, Some(id)) => next.zones[id].clone_from(name),
                (true, id) => {
                    gone.extend(id);
                    next.zones.push(name.clone());
                }
                // Cannot be: the check counts zones. A zone without a number would have no rows: it denies.
                (false, None) => {}
            }
        }
        Ok(next)
    }
}

fn no_index_left(place: Place, name: &str) -> Problems {
    Problems(vec![Problem {
        place,
        reason: format!("no index is left for profile `{name}`: agents may still run under removed profiles"),
        hint: "use the name of a removed profile, or restart the daemon when no agent runs".to_owned(),
    }])
}
