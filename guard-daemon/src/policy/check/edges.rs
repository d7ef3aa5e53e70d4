//! Edges: which profile may cross into which zone by which surface. Refuses an edge that can never decide
//! anything, and two edges that decide the same.

use std::collections::{BTreeMap, BTreeSet};

use guard_common::{Surface, Verdict, ZoneId};

use super::{Draft, Edge, proposal};
use crate::policy::document::{Report, Table, Text, list};
use crate::policy::source::Spot;

const EXAMPLE: &str = "write [[edges]] with profile = \"agent\", zone = \"data\", allow = [\"read\"]";
const KEYS: &[&str] = &["profile", "zone", "allow", "hold", "deny"];

/// Surfaces that objects with a place in a file system have.
const OF_FILES: &[Surface] = &[Surface::Exec, Surface::Read, Surface::Write, Surface::Ipc, Surface::Admin];
/// Surfaces that addresses have.
const OF_ADDRESSES: &[Surface] = &[Surface::Connect, Surface::Listen];
/// Surfaces that the host itself has.
const OF_HOST: &[Surface] = &[Surface::Ipc, Surface::Admin];
/// Surfaces that memory without a file has.
const OF_MEMORY: &[Surface] = &[Surface::Exec];

/// An edge as written, its references not looked up yet.
pub(super) struct Written {
    profile: Text,
    zone: Text,
    surfaces: Vec<(Verdict, Text)>,
}

pub(super) fn read(table: Table<'_>, draft: &mut Draft, report: &mut Report) {
    const OWN: &str = "write write_xor_execute = [\"agent\"]";
    draft.write_xor_execute.extend(table.texts("write_xor_execute", OWN, report));
    for body in table.tables("edges", ("an edge", KEYS), EXAMPLE, report) {
        let mut end = |key: &str| {
            let Some(value) = body.value(key) else {
                report.refuse(body.spot, format!("an edge without `{key}`"), EXAMPLE);
                return None;
            };
            value.text(&format!("`{key}` of an edge"), EXAMPLE, report)
        };
        let ends = (end("profile"), end("zone"));
        let mut surfaces = Vec::new();
        for verdict in [Verdict::Allow, Verdict::Hold, Verdict::Deny] {
            let texts = body.texts(verdict.name(), "allow = [\"read\", \"write\"]", report);
            surfaces.extend(texts.into_iter().map(|text| (verdict, text)));
        }
        if surfaces.is_empty() && !["allow", "hold", "deny"].iter().any(|key| body.value(key).is_some()) {
            report.refuse(
                body.spot,
                "an edge that says nothing",
                "write allow = [\"read\"], or hold, or deny",
            );
        }
        if let (Some(profile), Some(zone)) = ends {
            draft.edges.push(Written { profile, zone, surfaces });
        }
    }
}

/// Every edge, surface by surface.
pub(super) fn finish(draft: &Draft, report: &mut Report) -> Vec<Edge> {
    let mut edges: BTreeMap<(&str, &str, Surface), Edge> = BTreeMap::new();
    for written in &draft.edges {
        let profile_is_known = profile_is_known(draft, &written.profile, report);
        let Some(kind) = Kind::of(draft, &written.zone, report) else { continue };
        for (verdict, text) in &written.surfaces {
            let Some(surface) = kind.surface(&written.zone.text, text, report) else { continue };
            if !profile_is_known {
                continue;
            }
            warn(&kind, *verdict, surface, &written.zone.text, text.spot, report);
            let edge = Edge {
                profile: written.profile.text.clone(),
                zone: written.zone.text.clone(),
                surface,
                verdict: *verdict,
                spot: text.spot,
            };
            match edges.get(&(written.profile.text.as_str(), written.zone.text.as_str(), surface)) {
                Some(first) => refuse_second(first, &edge, report),
                None => {
                    edges.insert((&written.profile.text, &written.zone.text, surface), edge);
                }
            }
        }
    }
    let mut edges: Vec<Edge> = edges.into_values().collect();
    for profile in &draft.write_xor_execute {
        if profile_is_known(draft, profile, report) {
            take_execution(&profile.text, &mut edges, report);
        }
    }
    edges
}

/// Turns every edge by which the profile could run what it may write into one that forbids it.
fn take_execution(profile: &str, edges: &mut [Edge], report: &mut Report) {
    let own = |edge: &&Edge| edge.profile == profile && edge.verdict != Verdict::Deny;
    let writable: BTreeSet<String> = edges
        .iter()
        .filter(own)
        .filter(|edge| edge.surface == Surface::Write)
        .map(|edge| edge.zone.clone())
        .collect();
    for edge in edges.iter_mut().filter(|edge| own(&&**edge) && edge.surface == Surface::Exec) {
        let is_memory = built_in(&edge.zone) == Some(ZoneId::MEMORY);
        if is_memory || writable.contains(&edge.zone) {
            edge.verdict = Verdict::Deny;
            let why = if is_memory { "memory is written before it is run" } else { "it may write there" };
            let reason = format!("`exec` into `{}` is in force as `deny`: {why}", edge.zone);
            report.warn(edge.spot, reason, format!("`write_xor_execute` names `{profile}`"));
        }
    }
}

/// Whether objects of the zone have the surface; complains where they do not.
pub(super) fn has_surface(draft: &Draft, zone: &Text, surface: Surface, report: &mut Report) -> bool {
    let Some(kind) = Kind::of(draft, zone, report) else { return false };
    let text = Text { text: surface.name().to_owned(), spot: zone.spot };
    kind.surface(&zone.text, &text, report).is_some()
}

pub(super) fn profile_is_known(draft: &Draft, profile: &Text, report: &mut Report) -> bool {
    let known = draft.profiles.contains_key(&profile.text);
    if !known {
        let none = "define it: [profiles.agent]";
        let hint = proposal(&profile.text, draft.profiles.keys().map(String::as_str), none);
        report.refuse(profile.spot, format!("no profile `{}`", profile.text.escape_debug()), hint);
    }
    known
}

fn refuse_second(first: &Edge, second: &Edge, report: &mut Report) {
    let reason = format!(
        "a second edge for `{}` from `{}` to `{}`: {} after {}",
        second.surface.name(),
        second.profile,
        second.zone,
        second.verdict.name(),
        first.verdict.name(),
    );
    report.refuse(second.spot, reason, "keep the one that you mean");
}

/// What a zone's objects are, and so which surfaces it has.
struct Kind {
    surfaces: Vec<Surface>,
    /// The same in words, for a surface that is not among them.
    holds: &'static str,
    names: bool,
}

impl Kind {
    fn of(draft: &Draft, zone: &Text, report: &mut Report) -> Option<Self> {
        if let Some(own) = draft.zones.get(&zone.text) {
            let names = !own.names.is_empty();
            // A zone of nothing was refused for that; its edges need no complaints of their own.
            let placed = !own.paths.is_empty() || names || !own.packages.is_empty();
            let addresses = !own.addresses.is_empty();
            if !placed && !own.digests.is_empty() {
                return Some(Self::of_digests(addresses));
            }
            return Some(Self::new(placed || !addresses, addresses, names));
        }
        match built_in(&zone.text) {
            Some(ZoneId::GUARD) => {
                report.refuse(
                    zone.spot,
                    "an edge to `guard`",
                    "guard's own files are nobody's to touch: take it out",
                );
                None
            }
            Some(ZoneId::UNRESOLVED) => {
                let hint = "what could not be resolved is always refused: take it out";
                report.refuse(zone.spot, "an edge to `unresolved`", hint);
                None
            }
            Some(ZoneId::HOST) => {
                Some(Self { surfaces: OF_HOST.to_vec(), holds: "no files and no addresses", names: false })
            }
            Some(ZoneId::MEMORY) => {
                Some(Self { surfaces: OF_MEMORY.to_vec(), holds: "memory only", names: false })
            }
            Some(id) => Some(Self::new(true, id == ZoneId::ELSEWHERE, false)),
            None => {
                let known = ZoneId::BUILT_IN.iter().map(|(name, _)| *name);
                let known = draft.zones.keys().map(String::as_str).chain(known);
                let hint = proposal(&zone.text, known, "define it: [zones.data]");
                report.refuse(zone.spot, format!("no zone `{}`", zone.text.escape_debug()), hint);
                None
            }
        }
    }

    fn new(files: bool, addresses: bool, names: bool) -> Self {
        let kinds = [(files, OF_FILES), (addresses, OF_ADDRESSES)];
        let surfaces = kinds.iter().filter(|(has, _)| *has).flat_map(|(_, surfaces)| *surfaces).copied();
        let holds = if files { "no addresses" } else { "addresses only" };
        Self { surfaces: surfaces.collect(), holds, names }
    }

    /// A digest says nothing of where a file lies, and so nothing of who may write it.
    fn of_digests(addresses: bool) -> Self {
        let surfaces =
            if addresses { [&[Surface::Exec], OF_ADDRESSES].concat() } else { vec![Surface::Exec] };
        Self { surfaces, holds: "digests only", names: false }
    }

    fn surface(&self, zone: &str, text: &Text, report: &mut Report) -> Option<Surface> {
        let Some(surface) = Surface::from_name(&text.text) else {
            let known = Surface::ALL.iter().map(|surface| surface.name());
            let reason = format!("unknown surface `{}`", text.text.escape_debug());
            report.refuse(text.spot, reason, proposal(&text.text, known, ""));
            return None;
        };
        if !surface.is_enforced() {
            let reason = format!("`{}` is not judged by this version", surface.name());
            report.refuse(text.spot, reason, "take it out: it would promise what nothing keeps");
            return None;
        }
        let fits = self.surfaces.contains(&surface);
        if !fits {
            let have: Vec<&str> = self.surfaces.iter().map(|surface| surface.name()).collect();
            let reason = format!("`{}` leads nowhere: zone `{zone}` has {}", surface.name(), self.holds);
            report.refuse(text.spot, reason, format!("it can have {}", list(&have)));
        }
        fits.then_some(surface)
    }
}

fn built_in(name: &str) -> Option<ZoneId> {
    ZoneId::BUILT_IN.iter().find(|(built_in, _)| *built_in == name).map(|(_, id)| *id)
}

fn warn(kind: &Kind, verdict: Verdict, surface: Surface, zone: &str, spot: Spot, report: &mut Report) {
    match verdict {
        Verdict::Hold => {
            let reason = format!("`hold` for `{}` is in force as `deny`", surface.name());
            report.warn(spot, reason, "nobody can be asked yet; the program is refused at once");
        }
        Verdict::Allow if kind.names && surface != Surface::Read => {
            let reason = format!("zone `{zone}` has name rules, and this allows `{}`", surface.name());
            report.warn(spot, reason, "it holds for objects of that name in every folder");
        }
        Verdict::Allow | Verdict::Deny => {}
    }
}
