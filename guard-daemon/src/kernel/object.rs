//! The kernel programs' object, as it is embedded: its digest, whether it agrees with this daemon's tables, and
//! whether maps that are pinned have the form that it expects. Loads nothing.

use std::collections::BTreeMap;

use aya::maps::MapInfo;
use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF;
use aya_obj::{Object, ProgramSection};
use guard_common::map::name;
use sha2::{Digest, Sha256};

use super::adopt::InUse;
use super::loader::LoadError;
use super::pins::PinFolder;
use super::programs;

/// The object, as `cargo xtask build` made it.
pub(super) static BYTES: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/guard-ebpf.o"));

/// Maps that say who is an agent and who is killed: never replaced while programs enforce from them. `ENROLLED` is one:
/// at 0 nobody who waits for a label in an enrolled cgroup would get it.
const IDENTITY: &[&str] =
    &[name::LABELS, name::AGENT_CGROUPS, name::ENROLLED, name::KILL, name::HALTED, name::SURFACES_OFF];

/// Maps that hold a policy: replaced together, so that a generation is never half there. The generation goes
/// with them, and until the next push agents are refused for want of a policy.
const POLICY: &[&str] = &[
    name::GENERATION,
    name::CELLS,
    name::MARKS,
    name::CHILDREN,
    name::NAMES,
    name::NAME_LENGTHS,
    name::ADDRESSES,
    name::NETWORKS,
    name::ADDRESS_HEADS,
    name::ARGUMENTS,
    name::DIGESTS,
    name::DIGESTS_IN_USE,
    name::ENROL,
    name::ENROL_COUNTS,
    name::LAUNCHERS,
];

/// A map's form, as far as programs and daemon depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    kind: u32,
    key: u32,
    value: u32,
    rows: u32,
    flags: u32,
}

/// SHA-256 of the object.
pub(super) fn digest() -> [u8; 32] {
    Sha256::digest(BYTES).into()
}

/// Pinned maps that must be made anew: those whose form is not this object's, and those of a policy that no
/// program in force knows. Refuses where that would forget who is an agent while programs enforce.
pub(super) fn renewed(pins: &PinFolder, in_use: &InUse) -> Result<Vec<&'static str>, LoadError> {
    let expected = forms(BYTES)?;
    let enforces = pins.enforces();
    let mut renewed = Vec::new();
    for map in name::ALL {
        let expected =
            expected.get(*map).ok_or_else(|| disagreement(format!("map {map} is not in the object")))?;
        let path = pins.map(map);
        if !path.exists() {
            continue;
        }
        let fits = MapInfo::from_pin(&path).is_ok_and(|info| pinned_form(&info) == Some(*expected));
        // Left behind, empty, by a take-over that failed: the generation in force was never written to it.
        let strange = enforces && POLICY.contains(map) && !in_use.has(map);
        if !fits || strange {
            renewed.push(*map);
        }
    }
    match renewed.iter().find(|map| IDENTITY.contains(map)) {
        Some(map) if enforces => return Err(LoadError::Identity { map }),
        Some(_) | None => {}
    }
    Ok(with_whole_policy(renewed, |map| pins.map(map).exists()))
}

/// A policy map that is begun anew, or that is not there any more, takes all the others with it.
fn with_whole_policy(mut renewed: Vec<&'static str>, pinned: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let broken = POLICY.iter().any(|map| renewed.contains(map) || !pinned(map));
    if broken {
        for map in POLICY {
            if pinned(map) && !renewed.contains(map) {
                renewed.push(map);
            }
        }
    }
    renewed
}

/// Refuses an object that this daemon's tables do not know, before anything of it is loaded.
pub(super) fn check() -> Result<(), LoadError> {
    let object = parse(BYTES)?;
    for (name, program) in &object.programs {
        let Some(known) = programs::find(name) else {
            return Err(disagreement(format!("program {name} is not in the daemon's table")));
        };
        // A policy push waits for programs that cannot sleep, and for no others: one that sleeps with a
        // generation in hand could read rows of the next but one.
        if may_sleep(&program.section) && !known.may_sleep {
            return Err(disagreement(format!(
                "program {name} may sleep, and a policy push does not wait for it"
            )));
        }
    }
    match programs::ALL.iter().find(|program| !object.programs.contains_key(program.name)) {
        Some(program) => Err(disagreement(format!("program {} is not in the object", program.name))),
        None => Ok(()),
    }
}

fn parse(bytes: &[u8]) -> Result<Object, LoadError> {
    Object::parse(bytes).map_err(|error| disagreement(error.to_string()))
}

fn disagreement(what: String) -> LoadError {
    LoadError::Object { what }
}

fn may_sleep(section: &ProgramSection) -> bool {
    matches!(
        section,
        ProgramSection::Lsm { sleepable: true }
            | ProgramSection::FExit { sleepable: true }
            | ProgramSection::FEntry { sleepable: true }
            | ProgramSection::Iter { sleepable: true }
    )
}

fn forms(bytes: &[u8]) -> Result<BTreeMap<String, Form>, LoadError> {
    let object = parse(bytes)?;
    let form = |map: &aya_obj::Map| {
        let ring = map.map_type() == BPF_MAP_TYPE_RINGBUF as u32;
        Form {
            kind: map.map_type(),
            // The loader gives rings no key and no value, whatever the object says.
            key: if ring { 0 } else { map.key_size() },
            value: if ring { 0 } else { map.value_size() },
            rows: map.max_entries(),
            flags: map.map_flags(),
        }
    };
    Ok(object.maps.iter().map(|(name, map)| (name.clone(), form(map))).collect())
}

fn pinned_form(info: &MapInfo) -> Option<Form> {
    Some(Form {
        kind: info.map_type().ok()? as u32,
        key: info.key_size(),
        value: info.value_size(),
        rows: info.max_entries(),
        flags: info.map_flags(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_object_and_the_daemons_tables_name_the_same_programs() {
        check().unwrap();
    }

    #[test]
    fn the_embedded_object_has_every_map() {
        let forms = forms(BYTES).unwrap();
        let missing: Vec<_> = name::ALL.iter().filter(|map| !forms.contains_key(**map)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn one_policy_map_of_another_form_renews_the_whole_policy() {
        let mut renewed = with_whole_policy(vec![name::MARKS], |_| true);
        renewed.sort_unstable();
        let mut policy = POLICY.to_vec();
        policy.sort_unstable();
        assert_eq!(renewed, policy);
    }

    #[test]
    fn a_policy_map_that_is_gone_renews_the_others() {
        let renewed = with_whole_policy(Vec::new(), |map| map != name::MARKS);
        assert!(!renewed.contains(&name::MARKS), "made anyway");
        assert!(renewed.contains(&name::GENERATION));
    }

    #[test]
    fn another_counters_form_leaves_the_policy_alone() {
        assert_eq!(with_whole_policy(vec![name::COUNTS], |_| true), [name::COUNTS]);
        assert!(with_whole_policy(Vec::new(), |_| true).is_empty());
    }
}
