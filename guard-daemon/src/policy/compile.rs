//! Checked to compiled: names become numbers, edges become cells. Answers what the policy decides, and why, from
//! the same tables that the kernel gets. Knows no file system; roots are resolved elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use guard_common::map::arguments::ArgumentRules;
use guard_common::map::cell::Cell;
use guard_common::map::enrol::{AGENT_NAME_MAX, EnrolRule};
use guard_common::map::zone::NameKind;
use guard_common::{Surface, Verdict, ZoneId};

use super::check::{AddressRule, ArgumentRule, ArgumentWord, Checked, Enrolment, LAUNCHERS, Profile, Zone};
use super::lineage::Lineage;
use super::problem::{Place, Problem, Problems};
use super::rows::{AddressRow, zone_of_address};
use super::source::{Sources, Spot};

/// A policy as it decides.
#[derive(Clone, Debug)]
pub struct Compiled {
    sources: Sources,
    sha256: String,
    warnings: Vec<Problem>,
    lineage: Lineage,
    default_profile: Option<u16>,
    profiles: BTreeMap<u16, Profile>,
    zones: BTreeMap<u16, Zone>,
    edges: BTreeMap<(u16, u16, Surface), (Verdict, Spot)>,
    addresses: Vec<AddressRow>,
    arguments: BTreeMap<(u16, u16), Vec<ArgumentRule>>,
    enrolments: Vec<Enrolment>,
    launchers: Option<Vec<(String, Spot)>>,
}

/// Compiles a checked policy. `lineage` is the one of the policy before, or an empty one.
pub fn compile(checked: Checked, lineage: &Lineage) -> Result<Compiled, Problems> {
    let Checked {
        sources,
        warnings,
        default_profile,
        profiles,
        zones,
        edges,
        arguments,
        enrolments,
        launchers,
    } = checked;
    let lineage = lineage.extended(&sources, &profiles, &zones)?;
    let profile_id = ids(&lineage.profiles, 0);
    let zone_id = ids(&lineage.zones, ZoneId::POLICY_FIRST.0);
    let built_in = |name: &str| ZoneId::BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, id)| id.0);
    let ends = |profile: &str, zone: &str| {
        Some((*profile_id.get(profile)?, built_in(zone).or_else(|| zone_id.get(zone).copied())?))
    };
    let edges = edges
        .into_iter()
        .filter_map(|edge| {
            let (profile, zone) = ends(&edge.profile, &edge.zone)?;
            Some(((profile, zone, edge.surface), (edge.verdict, edge.spot)))
        })
        .collect();
    let arguments =
        arguments.into_iter().filter_map(|of| Some((ends(&of.profile, &of.zone)?, of.rules))).collect();
    let mut addresses: Vec<AddressRow> = zones
        .values()
        .filter_map(|zone| Some((*zone_id.get(&zone.name)?, zone)))
        .flat_map(|(id, zone)| {
            zone.addresses.iter().flat_map(move |(rule, _)| rows_of(rule).map(move |row| row.in_zone(id)))
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(Compiled {
        sha256: sources.sha256(),
        sources,
        warnings,
        default_profile: default_profile.and_then(|name| profile_id.get(&name).copied()),
        profiles: numbered(profiles, &profile_id),
        zones: numbered(zones, &zone_id),
        edges,
        addresses,
        arguments,
        enrolments,
        launchers,
        lineage,
    })
}

impl Compiled {
    /// SHA-256 of the text, includes and all, hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The texts.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What is strange about the policy, and did not stop it.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// For the next policy, and for the next start.
    pub fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// Every profile by its index.
    pub fn profiles(&self) -> impl Iterator<Item = (u16, &Profile)> {
        self.profiles.iter().map(|(index, profile)| (*index, profile))
    }

    /// The profile with this name.
    pub fn profile(&self, name: &str) -> Option<(u16, &Profile)> {
        self.profiles().find(|(_, profile)| profile.name == name)
    }

    /// The profile of agents that were started without naming one.
    pub fn default_profile(&self) -> Option<(u16, &Profile)> {
        let index = self.default_profile?;
        self.profiles.get(&index).map(|profile| (index, profile))
    }

    /// The name that a profile index has, or had before it was removed.
    pub fn profile_name(&self, index: u16) -> Option<&str> {
        self.lineage.profiles.get(usize::from(index)).map(String::as_str)
    }

    /// Every zone of the policy's own, by id.
    pub fn zones(&self) -> impl Iterator<Item = (ZoneId, &Zone)> {
        self.zones.iter().map(|(id, zone)| (ZoneId(*id), zone))
    }

    /// The zone with this name, built in or the policy's own.
    pub fn zone_id(&self, name: &str) -> Option<ZoneId> {
        let built_in = ZoneId::BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
        built_in.or_else(|| self.zones().find(|(_, zone)| zone.name == name).map(|(id, _)| id))
    }

    /// The name of a zone id, as an agent sees the zone: a removed zone keeps its name until its id is given
    /// again.
    pub fn zone_name(&self, id: ZoneId) -> Option<&str> {
        if let Some((name, _)) = ZoneId::BUILT_IN.iter().find(|(_, known)| *known == id) {
            return Some(name);
        }
        let position = id.0.checked_sub(ZoneId::POLICY_FIRST.0)?;
        self.lineage.zones.get(usize::from(position)).map(String::as_str)
    }

    /// What the edge says; `None` where no edge leads, which denies.
    pub fn verdict(&self, profile: u16, zone: ZoneId, surface: Surface) -> Option<Verdict> {
        self.edges.get(&(profile, zone.0, surface)).map(|(verdict, _)| *verdict)
    }

    /// Where the edge is written.
    pub fn edge_place(&self, profile: u16, zone: ZoneId, surface: Surface) -> Option<Place> {
        self.edges.get(&(profile, zone.0, surface)).map(|(_, spot)| self.sources.place(*spot))
    }

    /// Every edge: profile, zone, surface, verdict.
    pub fn edges(&self) -> impl Iterator<Item = (u16, ZoneId, Surface, Verdict)> {
        self.edges
            .iter()
            .map(|((profile, zone, surface), (verdict, _))| (*profile, ZoneId(*zone), *surface, *verdict))
    }

    /// The cells that are not empty.
    pub fn cells(&self) -> Vec<(u16, u16, Cell)> {
        let mut cells: BTreeMap<(u16, u16), Cell> = BTreeMap::new();
        for ((profile, zone, surface), (verdict, _)) in &self.edges {
            let cell = cells.entry((*profile, *zone)).or_default();
            *cell = cell.with(*surface, Some(*verdict));
        }
        cells.into_iter().map(|((profile, zone), cell)| (profile, zone, cell)).collect()
    }

    /// The address rules, in ascending order.
    pub fn addresses(&self) -> &[AddressRow] {
        &self.addresses
    }

    /// Rules on arguments: profile, zone, rules in the order in which the kernel numbers them.
    pub fn arguments(&self) -> impl Iterator<Item = (u16, ZoneId, &[ArgumentRule])> {
        self.arguments.iter().map(|((profile, zone), rules)| (*profile, ZoneId(*zone), rules.as_slice()))
    }

    /// The rules on arguments as the kernel gets them.
    pub fn argument_rows(&self) -> Vec<(u16, u16, ArgumentRules)> {
        self.arguments.iter().map(|((profile, zone), rules)| (*profile, *zone, table_of(rules))).collect()
    }

    /// Every enrolment, in the order in which they are asked.
    pub fn enrolments(&self) -> &[Enrolment] {
        &self.enrolments
    }

    /// Where an enrolment is written.
    pub fn enrolment_place(&self, enrolment: &Enrolment) -> Place {
        self.sources.place(enrolment.spot)
    }

    /// The rules that enrolments come to: exceptions stand before what they are made from.
    pub fn rules(&self) -> Vec<EnrolRule> {
        let mut rules = Vec::new();
        for (number, enrolment) in (0..).zip(&self.enrolments) {
            let Some((profile, _)) = self.profile(&enrolment.profile) else { continue };
            let mut name = [0; AGENT_NAME_MAX];
            let given = enrolment.name.as_deref().unwrap_or_default().bytes();
            name.iter_mut().zip(given).for_each(|(into, byte)| *into = byte);
            let row = |except| EnrolRule { enrolment: number, profile, name, except, ..EnrolRule::NOTHING };
            let of = |row: EnrolRule, glob: EnrolRule| {
                let EnrolRule { components, count, kind, .. } = glob;
                EnrolRule { components, count, kind, ..row }
            };
            rules.extend(enrolment.except.iter().map(|glob| of(row(1), glob.row())));
            rules.push(of(row(0), enrolment.glob.row()));
        }
        rules
    }

    /// Programs that set agents up, each with its place where the policy names it itself; none without enrolments.
    pub fn launchers(&self) -> Vec<(&str, Option<Place>)> {
        match &self.launchers {
            _ if self.enrolments.is_empty() => Vec::new(),
            Some(own) => {
                own.iter().map(|(path, spot)| (path.as_str(), Some(self.sources.place(*spot)))).collect()
            }
            None => LAUNCHERS.iter().map(|path| (*path, None)).collect(),
        }
    }

    /// The zone of an absolute path, found as the kernel finds an object's: from the leaf outward, at each step
    /// first the root, then the exact name; on the leaf also the patterns. As far as text can tell: knows no
    /// symbolic links, no work folders, and not guard's own.
    pub fn zone_of_path(&self, path: &Path) -> ZoneId {
        let rooted = |at: &Path| {
            self.zones().find(|(_, zone)| zone.paths.iter().any(|(root, _)| Path::new(root) == at))
        };
        let step = |at: &Path| rooted(at).map(|(id, _)| id).or_else(|| self.zone_of_name(at, true));
        let leaf = || step(path).or_else(|| self.zone_of_name(path, false));
        leaf().or_else(|| path.ancestors().skip(1).find_map(step)).unwrap_or(ZoneId::ELSEWHERE)
    }

    /// The zone of a path's last name: by an exact rule, or by a pattern.
    pub(super) fn zone_of_name(&self, path: &Path, exact: bool) -> Option<ZoneId> {
        let name = path.file_name()?.as_encoded_bytes();
        let rules = self.zones().flat_map(|(id, zone)| zone.names.iter().map(move |(rule, _)| (id, rule)));
        rules
            .filter(|(_, rule)| (rule.kind == NameKind::Exact) == exact && rule.matches(name))
            .max_by_key(|(_, rule)| (rule.text.len(), rule.kind == NameKind::Suffix))
            .map(|(id, _)| id)
    }

    /// The zone of a peer, found as the kernel finds it.
    pub fn zone_of_address(&self, address: IpAddr, port: u16, protocol: u8) -> ZoneId {
        zone_of_address(&self.addresses, address, port, protocol).map_or(ZoneId::ELSEWHERE, ZoneId)
    }
}

fn ids(names: &[String], first: u16) -> BTreeMap<String, u16> {
    names.iter().cloned().zip(first..).collect()
}

fn numbered<T>(named: BTreeMap<String, T>, ids: &BTreeMap<String, u16>) -> BTreeMap<u16, T> {
    named.into_iter().filter_map(|(name, value)| Some((*ids.get(&name)?, value))).collect()
}

/// Each word once, and for each rule the bits of its words.
fn table_of(rules: &[ArgumentRule]) -> ArgumentRules {
    let words: BTreeSet<&ArgumentWord> = rules.iter().flat_map(|rule| &rule.words).collect();
    let mut table = ArgumentRules { words_len: words.len() as u32, ..ArgumentRules::default() };
    for (place, word) in table.words.iter_mut().zip(&words) {
        for (position, byte) in word.text.bytes().enumerate() {
            if let Some(group) = place.text.get_mut(position / 8) {
                *group |= u64::from(byte) << (position % 8 * 8);
            }
        }
        place.len = word.text.len() as u32;
        place.kind = u32::from(word.kind.raw());
    }
    for (place, rule) in table.rules.iter_mut().zip(rules) {
        let has = |word: &&ArgumentWord| rule.words.contains(word);
        *place =
            words.iter().enumerate().filter(|(_, word)| has(word)).fold(0, |bits, (bit, _)| bits | 1 << bit);
    }
    table
}

/// An address row before its zone has a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unplaced {
    protocol: u8,
    port: u16,
    address: Ipv6Addr,
    prefix_len: u8,
}

impl Unplaced {
    fn in_zone(self, zone: u16) -> AddressRow {
        let Self { protocol, port, address, prefix_len } = self;
        AddressRow { protocol, port, address, prefix_len, zone }
    }
}

/// A rule's rows: one for each prefix and port.
pub(super) fn rows_of(rule: &AddressRule) -> impl Iterator<Item = Unplaced> + use<> {
    let (first, last) = rule.ports.unwrap_or((0, 0));
    let protocol = rule.protocol;
    let prefixes = rule.prefixes();
    (first..=last).flat_map(move |port| {
        prefixes.clone().into_iter().map(move |(address, prefix_len)| Unplaced {
            protocol,
            port,
            address,
            prefix_len,
        })
    })
}
