//! Text to checked: every name known, every value possible, every reference to something that exists. Refuses
//! the whole policy with all that is wrong with it. Knows nothing of ids, maps or the file system.

mod address;
mod arguments;
mod edges;
mod enrol;
mod glob;
mod name;
mod path;
mod profiles;
mod program;
mod zones;

use std::collections::BTreeMap;

use guard_common::{Surface, Verdict};
use toml::de::DeTable;

pub use address::AddressRule;
pub use arguments::{ArgumentRule, ArgumentWord};
pub(super) use enrol::LAUNCHERS;
pub use glob::Glob;
pub use name::NameRule;
pub use profiles::{Launch, Launcher};
pub(super) use zones::ZONES_OWN_MAX;

use super::document::{Report, Table, list};
use super::problem::{Problem, Problems};
use super::source::{Sources, Spot};

/// The version of the form that this program reads.
const VERSION: i64 = 1;

/// Keys of a policy.
const KEYS: &[&str] = &[
    "version",
    "include",
    "default_profile",
    "write_xor_execute",
    "profiles",
    "zones",
    "edges",
    "arguments",
    "enrol",
    "launchers",
];

/// Primitives that this version has. None has settings yet.
const PRIMITIVES: &[&str] = &["kill_switch", "identity_binding", "network_boundary", "signed_audit"];

/// Primitives that it does not have.
const PRIMITIVES_MISSING: &[&str] = &[
    "sandbox_grants",
    "rate_limit",
    "blast_radius",
    "schema_drift",
    "reversible",
    "quorum",
    "drift_detection",
    "memory_write",
];

/// A policy in which nothing is wrong, in the words of its text.
#[derive(Clone, Debug)]
pub struct Checked {
    pub(super) sources: Sources,
    pub(super) warnings: Vec<Problem>,
    pub(super) default_profile: Option<String>,
    pub(super) profiles: BTreeMap<String, Profile>,
    pub(super) zones: BTreeMap<String, Zone>,
    pub(super) edges: Vec<Edge>,
    pub(super) arguments: Vec<arguments::Arguments>,
    pub(super) enrolments: Vec<Enrolment>,
    pub(super) launchers: Option<Vec<(String, Spot)>>,
}

/// Cgroups that are agents', whoever starts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Which.
    pub glob: Glob,
    /// And which not.
    pub except: Vec<Glob>,
    /// What they are enrolled as.
    pub profile: String,
    /// Their agent's name; absent: each has its cgroup's.
    pub name: Option<String>,
    pub(super) spot: Spot,
}

/// What an agent may be started as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Who besides root may start it, and where.
    pub launch: Launch,
    pub(super) spot: Spot,
}

/// A named set of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Roots: absolute paths without `.`, `..` and trailing slash.
    pub paths: Vec<(String, Spot)>,
    /// Name rules.
    pub names: Vec<(NameRule, Spot)>,
    /// Debian packages, whose programs and libraries belong to it.
    pub packages: Vec<(String, Spot)>,
    /// SHA-256 of programs, wherever they lie.
    pub digests: Vec<([u8; 32], Spot)>,
    /// Address rules.
    pub addresses: Vec<(AddressRule, Spot)>,
    pub(super) spot: Spot,
}

/// What one edge says about one surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) profile: String,
    pub(super) zone: String,
    pub(super) surface: Surface,
    pub(super) verdict: Verdict,
    pub(super) spot: Spot,
}

impl Checked {
    /// What is strange about the policy, and does not stop it.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}

/// Checks a policy.
pub fn check(sources: Sources) -> Result<Checked, Problems> {
    let mut report = Report::default();
    let mut draft = Draft::default();
    for (file, source) in sources.files().iter().enumerate() {
        let (document, errors) = DeTable::parse_recoverable(&source.text);
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start);
            report.refuse(Spot { file, offset }, error.message().replace('\n', ", "), "this is not TOML yet");
        }
        let table = Table { file, spot: Spot { file, offset: 0 }, table: document.get_ref() };
        top_level(table, &mut report);
        profiles::read(table, &mut draft, &mut report);
        zones::read(table, &mut draft, &mut report);
        edges::read(table, &mut draft, &mut report);
        arguments::read(table, &mut draft, &mut report);
        enrol::read(table, &mut draft, &mut report);
    }
    zones::finish(&draft, &mut report);
    let edges = edges::finish(&draft, &mut report);
    let arguments = arguments::finish(&draft, &mut report);
    let enrolments = enrol::finish(&draft, &mut report);
    let default_profile = profiles::finish(&draft, &mut report);
    let warnings = report.finish(&sources)?;
    let Draft { profiles, zones, launchers, .. } = draft;
    Ok(Checked {
        warnings,
        default_profile,
        profiles,
        zones,
        edges,
        arguments,
        enrolments,
        launchers,
        sources,
    })
}

/// What was read so far, of all files.
#[derive(Default)]
struct Draft {
    default_profile: Option<super::document::Text>,
    profiles: BTreeMap<String, Profile>,
    zones: BTreeMap<String, Zone>,
    edges: Vec<edges::Written>,
    arguments: Vec<arguments::Written>,
    /// Profiles that may run nothing that they may write.
    write_xor_execute: Vec<super::document::Text>,
    enrolments: Vec<enrol::Written>,
    launchers: Option<Vec<(String, Spot)>>,
}

fn top_level(table: Table<'_>, report: &mut Report) {
    for (key, _) in table.entries() {
        let reason = if PRIMITIVES.contains(&key.text.as_str()) {
            format!("`{}` has no settings in this version; it is always on", key.text)
        } else if PRIMITIVES_MISSING.contains(&key.text.as_str()) {
            format!("`{}` is not part of this version", key.text)
        } else {
            continue;
        };
        report.refuse(key.spot, reason, "take the table out");
    }
    let known: Vec<&str> = [KEYS, PRIMITIVES, PRIMITIVES_MISSING].concat();
    table.only("the policy", &known, report);
    table.texts("include", "write include = [\"other.toml\"]", report);
    match table.value("version") {
        // Only the file that was named has to have one.
        None if table.file == 0 => {
            report.refuse(table.spot, "no `version`", format!("write `version = {VERSION}` first"));
        }
        None => {}
        Some(value) if value.integer() == Some(VERSION) => {}
        Some(value) => {
            let reason = "this program does not know that version of the form";
            report.refuse(value.spot(), reason, format!("write `version = {VERSION}`"));
        }
    }
}

/// Whether a profile's or zone's name is one: what people type, and what fits a record.
fn name_is_good(what: &str, name: &str, spot: Spot, report: &mut Report) -> bool {
    const LEN_MAX: usize = 64;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= LEN_MAX && name.chars().all(good) {
        return true;
    }
    let reason = format!("`{}` cannot be a {what}'s name", name.escape_debug());
    report.refuse(spot, reason, format!("use a-z, 0-9, `_` and `-`, {LEN_MAX} at most"));
    false
}

/// `did you mean …?` or what there is.
fn proposal<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone, none: &str) -> String {
    const SHOWN_MAX: usize = 12;
    match super::problem::nearest(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let some: Vec<&str> = known.take(SHOWN_MAX).collect();
            if some.is_empty() { none.to_owned() } else { format!("there are {}", list(&some)) }
        }
    }
}
