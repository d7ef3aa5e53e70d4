//! What two policies decide differently, in their words: edges, the objects of zones, who may start what. Compares
//! by name, never by number. Knows no file system.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use guard_common::{Surface, Verdict};
use serde::Serialize;

use super::check::{Enrolment, Launch, Zone};
use super::compile::Compiled;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A profile that was not there.
    ProfileAdded {
        /// Its name.
        profile: String,
    },
    /// A profile that is no more: agents that run under it may do nothing.
    ProfileRemoved {
        /// Its name.
        profile: String,
    },
    /// Agents that name no profile start under another.
    DefaultProfile {
        /// Before; absent where one had to be named.
        before: Option<String>,
        /// From now on.
        after: Option<String>,
    },
    /// Who may start a profile, or where.
    Launch {
        /// The profile.
        profile: String,
        /// Users, groups and folders that may from now on.
        added: Vec<String>,
        /// Those that may no longer.
        removed: Vec<String>,
    },
    /// An edge decides otherwise.
    Edge {
        /// From this profile,
        profile: String,
        /// into this zone,
        zone: String,
        /// by this surface.
        surface: String,
        /// Verdict before; `none` where no edge led.
        before: String,
        /// Verdict from now on.
        after: String,
        /// Whether it allows what was refused.
        widens: bool,
    },
    /// Programs may be started with other arguments.
    Arguments {
        /// By this profile,
        profile: String,
        /// programs of this zone.
        zone: String,
        /// Forbidden from now on.
        added: Vec<String>,
        /// Forbidden no longer.
        removed: Vec<String>,
    },
    /// Cgroups are agents' from now on, or new ones no longer.
    Enrolments {
        /// Enrolments that are new.
        added: Vec<String>,
        /// Those that are gone; what was enrolled by them stays.
        removed: Vec<String>,
    },
    /// Objects came to a zone, or left it.
    Objects {
        /// The zone.
        zone: String,
        /// Paths, names and addresses that are new in it.
        added: Vec<String>,
        /// Those that are no longer.
        removed: Vec<String>,
    },
}

/// What `after` decides otherwise than `before`.
pub fn diff(before: &Compiled, after: &Compiled) -> Vec<Change> {
    let mut changes = Vec::new();
    profiles(before, after, &mut changes);
    edges(before, after, &mut changes);
    objects(before, after, &mut changes);
    arguments(before, after, &mut changes);
    let (added, removed) = differ(&enrolled(before), &enrolled(after));
    if !added.is_empty() || !removed.is_empty() {
        changes.push(Change::Enrolments { added, removed });
    }
    changes
}

fn profiles(before: &Compiled, after: &Compiled, changes: &mut Vec<Change>) {
    let by_name = |policy: &Compiled| -> BTreeMap<String, Launch> {
        policy.profiles().map(|(_, profile)| (profile.name.clone(), profile.launch.clone())).collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    changes.extend(
        old.keys()
            .filter(|name| !new.contains_key(*name))
            .map(|name| Change::ProfileRemoved { profile: name.clone() }),
    );
    for (name, launch) in &new {
        match old.get(name) {
            None => changes.push(Change::ProfileAdded { profile: name.clone() }),
            Some(old) => {
                let (added, removed) = differ(&starters(old), &starters(launch));
                if !added.is_empty() || !removed.is_empty() {
                    changes.push(Change::Launch { profile: name.clone(), added, removed });
                }
            }
        }
    }
    let default = |policy: &Compiled| policy.default_profile().map(|(_, profile)| profile.name.clone());
    let (before, after) = (default(before), default(after));
    if before != after {
        changes.push(Change::DefaultProfile { before, after });
    }
}

fn starters(launch: &Launch) -> BTreeSet<String> {
    let Launch { users, groups, workdirs } = launch;
    let users = users.iter().map(|user| format!("user {user}"));
    let groups = groups.iter().map(|group| format!("group {group}"));
    users.chain(groups).chain(workdirs.iter().map(|folder| format!("below {folder}"))).collect()
}

type Edges = BTreeMap<(String, String, Surface), Verdict>;

fn edges(before: &Compiled, after: &Compiled, changes: &mut Vec<Change>) {
    let by_name = |policy: &Compiled| -> Edges {
        policy
            .edges()
            .filter_map(|(profile, zone, surface, verdict)| {
                let (profile, zone) = (policy.profile_name(profile)?, policy.zone_name(zone)?);
                Some(((profile.to_owned(), zone.to_owned(), surface), verdict))
            })
            .collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    let every: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for key in every {
        let (before, after) = (old.get(key).copied(), new.get(key).copied());
        if before == after {
            continue;
        }
        let (profile, zone, surface) = key.clone();
        let name = |verdict: Option<Verdict>| verdict.map_or("none", Verdict::name).to_owned();
        changes.push(Change::Edge {
            profile,
            zone,
            surface: surface.name().to_owned(),
            widens: after == Some(Verdict::Allow),
            before: name(before),
            after: name(after),
        });
    }
}

fn objects(before: &Compiled, after: &Compiled, changes: &mut Vec<Change>) {
    let by_name = |policy: &Compiled| -> BTreeMap<String, BTreeSet<String>> {
        policy.zones().map(|(_, zone)| (zone.name.clone(), members(zone))).collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    let none = BTreeSet::new();
    let every: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for zone in every {
        let (added, removed) = differ(old.get(zone).unwrap_or(&none), new.get(zone).unwrap_or(&none));
        if !added.is_empty() || !removed.is_empty() {
            changes.push(Change::Objects { zone: zone.clone(), added, removed });
        }
    }
}

fn arguments(before: &Compiled, after: &Compiled, changes: &mut Vec<Change>) {
    let by_name = |policy: &Compiled| -> BTreeMap<(String, String), BTreeSet<String>> {
        policy
            .arguments()
            .filter_map(|(profile, zone, rules)| {
                let ends = (policy.profile_name(profile)?.to_owned(), policy.zone_name(zone)?.to_owned());
                Some((ends, rules.iter().map(|rule| format!("\"{}\"", rule.text)).collect()))
            })
            .collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    let none = BTreeSet::new();
    for ends in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let (added, removed) = differ(old.get(ends).unwrap_or(&none), new.get(ends).unwrap_or(&none));
        if !added.is_empty() || !removed.is_empty() {
            let (profile, zone) = ends.clone();
            changes.push(Change::Arguments { profile, zone, added, removed });
        }
    }
}

fn enrolled(policy: &Compiled) -> BTreeSet<String> {
    let told = |enrolment: &Enrolment| {
        let Enrolment { glob, except, profile, name, spot: _ } = enrolment;
        let except: String = except.iter().map(|glob| format!(" except {glob}")).collect();
        let name = name.as_ref().map(|name| format!(" named {name}")).unwrap_or_default();
        format!("{glob}{except} as {profile}{name}")
    };
    policy.enrolments().iter().map(told).collect()
}

fn members(zone: &Zone) -> BTreeSet<String> {
    let Zone { name: _, paths, names, packages, digests, addresses, spot: _ } = zone;
    let names = names.iter().map(|(rule, _)| rule.to_string());
    let addresses = addresses.iter().map(|(rule, _)| rule.to_string());
    let packages = packages.iter().map(|(package, _)| format!("package {package}"));
    let digests = digests.iter().map(|(digest, _)| format!("sha256:{}", hex::encode(digest)));
    let placed = paths.iter().map(|(path, _)| path.clone()).chain(names).chain(packages);
    placed.chain(digests).chain(addresses).collect()
}

/// What is only in the second, and what is only in the first.
fn differ(before: &BTreeSet<String>, after: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
    (after.difference(before).cloned().collect(), before.difference(after).cloned().collect())
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
        match self {
            Self::ProfileAdded { profile } => write!(f, "profile {profile}: new"),
            Self::ProfileRemoved { profile } => {
                write!(f, "profile {profile}: gone; its agents may do nothing")
            }
            Self::DefaultProfile { before, after } => {
                write!(f, "default profile: {}, was {}", named(after), named(before))
            }
            Self::Launch { profile, added, removed } => {
                write!(f, "start of {profile}:")?;
                members_changed(f, added, removed)
            }
            Self::Edge { profile, zone, surface, before, after, widens } => {
                let wider = if *widens { " (wider)" } else { "" };
                write!(f, "{profile} -> {zone} by {surface}: {after}, was {before}{wider}")
            }
            Self::Arguments { profile, zone, added, removed } => {
                write!(f, "{profile} -> {zone}, forbidden arguments:")?;
                members_changed(f, added, removed)
            }
            Self::Enrolments { added, removed } => {
                f.write_str("enrolled:")?;
                members_changed(f, added, removed)
            }
            Self::Objects { zone, added, removed } => {
                write!(f, "zone {zone}:")?;
                members_changed(f, added, removed)
            }
        }
    }
}

fn members_changed(f: &mut fmt::Formatter<'_>, added: &[String], removed: &[String]) -> fmt::Result {
    added.iter().try_for_each(|member| write!(f, " +{member}"))?;
    removed.iter().try_for_each(|member| write!(f, " -{member}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Lineage, Sources, load};

    fn shown(before: &str, after: &str) -> Vec<String> {
        let compiled = |text: &str| {
            load(
                Sources::unbundle("test.toml", &format!("version = 1\n{text}")).unwrap(),
                &Lineage::default(),
            )
            .unwrap()
        };
        diff(&compiled(before), &compiled(after)).iter().map(Change::to_string).collect()
    }

    const BASE: &str = "[profiles.agent]\nlaunch = { users = [\"a\"], workdirs = [\"/srv\"] }\n\
        [zones.data]\npaths = [\"/data\"]\n\
        [[edges]]\nprofile = \"agent\"\nzone = \"data\"\nallow = [\"read\"]\n";

    #[test]
    fn a_policy_differs_in_nothing_from_itself() {
        assert_eq!(shown(BASE, BASE), [""; 0]);
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        assert_eq!(
            shown(BASE, &BASE.replace("allow = [\"read\"]", "allow = [\"write\"]\ndeny = [\"read\"]")),
            ["agent -> data by read: deny, was allow", "agent -> data by write: allow, was none (wider)"],
        );
        assert_eq!(
            shown(BASE, &BASE.replace("\"/data\"", "\"/data/in\", \"/x\"\n]\nnames = [\"*.pem\"")),
            ["zone data: +*.pem +/data/in +/x -/data"],
        );
        assert_eq!(
            shown(BASE, &BASE.replace("\"a\"", "\"b\"").replace("/srv", "/opt")),
            ["start of agent: +below /opt +user b -below /srv -user a"],
        );
        assert_eq!(
            shown(BASE, &format!("{BASE}[profiles.other]\n")),
            ["profile other: new", "default profile: none, was agent"],
        );
        assert_eq!(
            shown("[profiles.agent]\n", ""),
            ["profile agent: gone; its agents may do nothing", "default profile: none, was agent"],
        );
    }

    #[test]
    fn numbers_of_zones_do_not_matter() {
        let more = BASE.replace("[zones.data]", "[zones.a]\npaths = [\"/a\"]\n[zones.data]");
        assert_eq!(shown(BASE, &more), ["zone a: +/a"]);
    }
}
