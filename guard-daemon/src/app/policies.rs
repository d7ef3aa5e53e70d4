//! Which policy is in force, and how another one comes to be. Chooses texts; what they decide is `policy`'s.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use guard_common::ZoneId;
use serde::{Deserialize, Serialize};

use crate::model::record::{Operator, Policy};
use crate::model::state::policies::PolicyView;
use crate::policy::resolve::Resolved;
use crate::policy::{Compiled, EMBEDDED_NAME, Lineage, Sources, load, resolve};

/// What is kept over a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedPolicy {
    /// What its record said.
    pub record: Policy,
    /// The text, includes and all.
    pub bundle: String,
    /// Numbers of names: living agents carry them.
    pub lineage: Lineage,
    /// Digest of the operator's file when it was last taken: another one means that the file is newer.
    pub file_sha256: Option<String>,
}

/// A policy that may be put in force.
#[derive(Debug)]
pub(super) struct Candidate {
    /// What it decides.
    pub compiled: Compiled,
    /// Digest of the operator's file.
    pub file_sha256: Option<String>,
    /// Why it is not the one that was asked for.
    pub instead: Option<String>,
}

/// A policy on this host, ready to be written into the kernel.
#[derive(Debug)]
pub(super) struct Ready {
    /// What it decides.
    pub compiled: Compiled,
    /// Digest of the operator's file.
    pub file_sha256: Option<String>,
    /// Its rows.
    pub rows: crate::policy::Rows,
    /// Roots that could not be resolved.
    pub unresolved: Vec<String>,
    /// What else there is to know about how its roots were found.
    pub notes: Vec<String>,
    /// Keeps the rows' inode numbers valid.
    pub handles: Vec<OwnedFd>,
}

/// The policy in force.
#[derive(Debug)]
pub(super) struct InForce {
    /// What it decides.
    pub compiled: Compiled,
    /// Its record.
    pub record: Policy,
    /// Digest of the operator's file.
    pub file_sha256: Option<String>,
    /// Keeps the rows' inode numbers valid.
    pub _handles: Vec<OwnedFd>,
}

/// The policy to begin with. `enforcing`: whether an earlier daemon's is in force in the kernel right now. If it
/// is, a broken file leaves it there; if not, a broken file is an error.
pub(super) fn choose(
    file: Option<&Path>,
    saved: Option<&SavedPolicy>,
    enforcing: bool,
) -> Result<Candidate, String> {
    let lineage = saved.map(|saved| saved.lineage.clone()).unwrap_or_default();
    let wanted = match file {
        Some(file) => from_file(file, saved, &lineage),
        None => without_file(saved, &lineage),
    };
    match (wanted, saved) {
        (Err(why), Some(saved)) if enforcing => again(saved, &lineage, Some(why)),
        (wanted, _) => wanted,
    }
}

fn from_file(file: &Path, saved: Option<&SavedPolicy>, lineage: &Lineage) -> Result<Candidate, String> {
    let sources = Sources::read(file).map_err(|problems| problems.to_string())?;
    let sha256 = sources.sha256();
    match saved {
        // The file is what it was, so whatever was put in force since is newer.
        Some(saved) if saved.file_sha256.as_ref() == Some(&sha256) => again(saved, lineage, None),
        Some(_) | None => candidate(sources, lineage, Some(sha256)),
    }
}

fn without_file(saved: Option<&SavedPolicy>, lineage: &Lineage) -> Result<Candidate, String> {
    match saved {
        // What a person applied stays; what came from a file that is gone, or was built in, does not.
        Some(saved) if saved.record.by.is_some() => again(saved, lineage, None),
        Some(_) | None => candidate(Sources::embedded(), lineage, None),
    }
}

fn again(saved: &SavedPolicy, lineage: &Lineage, instead: Option<String>) -> Result<Candidate, String> {
    let sources = if saved.record.source == EMBEDDED_NAME {
        Sources::embedded()
    } else {
        Sources::unbundle(&saved.record.source, &saved.bundle).map_err(|problems| problems.to_string())?
    };
    Ok(Candidate { instead, ..candidate(sources, lineage, saved.file_sha256.clone())? })
}

fn candidate(sources: Sources, lineage: &Lineage, file_sha256: Option<String>) -> Result<Candidate, String> {
    let compiled = load(sources, lineage).map_err(|problems| problems.to_string())?;
    Ok(Candidate { compiled, file_sha256, instead: None })
}

impl Candidate {
    /// Somebody's text, to follow the policy in force.
    pub(super) fn applied(text: &str, source: &str, now: &InForce) -> Result<Self, String> {
        let sources = Sources::unbundle(source, text).map_err(|problems| problems.to_string())?;
        candidate(sources, now.compiled.lineage(), now.file_sha256.clone())
    }

    /// Finds its roots on this host.
    pub(super) fn ready(self, guarded: &[PathBuf]) -> Result<Ready, String> {
        let Self { compiled, file_sha256, instead: _ } = self;
        let resolved = resolve(&compiled, guarded).map_err(|problems| problems.to_string())?;
        for note in &resolved.notes {
            tracing::warn!("policy: {note}");
        }
        let unresolved = resolved.unresolved.iter().map(ToString::to_string).collect();
        let Resolved { rows, notes, handles, .. } = resolved;
        Ok(Ready { compiled, file_sha256, rows, unresolved, notes, handles })
    }
}

impl Ready {
    /// What its record says.
    pub(super) fn record(&self, generation: u64, by: Option<Operator>) -> Policy {
        Policy {
            generation,
            sha256: self.compiled.sha256().to_owned(),
            source: self.compiled.sources().name().to_owned(),
            unresolved: self.unresolved.clone(),
            notes: self.notes.clone(),
            by,
        }
    }

    /// What stands for the policy in force before there is one: nothing was pushed yet.
    pub(super) fn not_yet(&self) -> InForce {
        let Self { compiled, file_sha256, .. } = self;
        let record = self.record(0, None);
        InForce { compiled: compiled.clone(), record, file_sha256: file_sha256.clone(), _handles: Vec::new() }
    }

    /// In force now.
    pub(super) fn in_force(self, record: Policy) -> InForce {
        let Self { compiled, file_sha256, handles, .. } = self;
        InForce { compiled, record, file_sha256, _handles: handles }
    }

    /// What has to be saved before it comes into force.
    pub(super) fn saved(&self, record: Policy) -> SavedPolicy {
        SavedPolicy {
            record,
            bundle: self.compiled.sources().bundle(),
            lineage: self.compiled.lineage().clone(),
            file_sha256: self.file_sha256.clone(),
        }
    }
}

impl InForce {
    /// The policy that an earlier daemon put in force, to judge the last events under it.
    pub(super) fn before(saved: &SavedPolicy) -> Option<Self> {
        let Candidate { compiled, file_sha256, .. } = again(saved, &saved.lineage, None).ok()?;
        Some(Self { compiled, record: saved.record.clone(), file_sha256, _handles: Vec::new() })
    }

    /// What judgement needs of it.
    pub(super) fn view(&self) -> PolicyView {
        let Self { compiled, record, .. } = self;
        let names = |count: usize| (0..=u16::MAX).take(count);
        let lineage = compiled.lineage();
        let zones = names(usize::from(ZoneId::POLICY_FIRST.0) + lineage.zones.len());
        PolicyView {
            generation: record.generation,
            sha256: record.sha256.clone(),
            profiles: lineage.profiles.iter().cloned().zip(0..).map(|(name, index)| (index, name)).collect(),
            zones: zones.filter_map(|id| Some((id, compiled.zone_name(ZoneId(id))?.to_owned()))).collect(),
            cells: compiled
                .cells()
                .into_iter()
                .map(|(profile, zone, cell)| ((profile, zone), cell))
                .collect(),
            arguments: compiled
                .arguments()
                .map(|(profile, zone, rules)| {
                    ((profile, zone.0), rules.iter().map(|rule| rule.text.clone()).collect())
                })
                .collect(),
        }
    }

    /// Roots of its zones: no work folder may take one in.
    pub(super) fn roots(&self) -> Vec<PathBuf> {
        let paths = self.compiled.zones().flat_map(|(_, zone)| zone.paths.iter());
        let roots: BTreeMap<&str, ()> = paths.map(|(path, _)| (path.as_str(), ())).collect();
        roots.into_keys().map(PathBuf::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "version = 1\n[profiles.a]\n";
    const TWO: &str = "version = 1\n[profiles.b]\n";

    fn written(folder: &tempfile::TempDir, text: &str) -> PathBuf {
        let path = folder.path().join("policy.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn names(candidate: &Candidate) -> Vec<String> {
        candidate.compiled.profiles().map(|(_, profile)| profile.name.clone()).collect()
    }

    /// What an earlier daemon saved: `text`, applied by a person or not, while the file was `file`.
    fn saved(text: &str, by_person: bool, file: Option<&str>) -> SavedPolicy {
        let sources = Sources::unbundle("somewhere", text).unwrap();
        let file_sha256 = file.map(|file| Sources::unbundle("file", file).unwrap().sha256());
        let ready = Ready {
            compiled: load(sources, &Lineage::default()).unwrap(),
            file_sha256,
            rows: crate::policy::Rows::default(),
            unresolved: Vec::new(),
            notes: Vec::new(),
            handles: Vec::new(),
        };
        let by = by_person.then_some(Operator { uid: 0, login_uid: None, pid: 1 });
        ready.saved(ready.record(4, by))
    }

    #[test]
    fn what_a_person_applied_stays_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(&folder, ONE);
        let applied = saved(TWO, true, Some(ONE));
        assert_eq!(names(&choose(Some(&file), Some(&applied), false).unwrap()), ["b"]);
        let newer = written(&folder, "version = 1\n[profiles.c]\n");
        assert_eq!(names(&choose(Some(&newer), Some(&applied), false).unwrap()), ["c"]);
        assert_eq!(names(&choose(None, Some(&applied), false).unwrap()), ["b"]);
    }

    #[test]
    fn without_file_and_person_the_built_in_policy_serves() {
        let embedded = choose(None, None, false).unwrap();
        assert_eq!(embedded.compiled.sources().name(), EMBEDDED_NAME);
        let from_a_file_that_is_gone = saved(TWO, false, Some(TWO));
        let chosen = choose(None, Some(&from_a_file_that_is_gone), false).unwrap();
        assert_eq!(chosen.compiled.sources().name(), EMBEDDED_NAME);
    }

    #[test]
    fn a_broken_file_keeps_what_is_in_force_and_says_so_and_is_an_error_where_nothing_is() {
        let folder = tempfile::tempdir().unwrap();
        let broken = written(&folder, "nonsense = [");
        let before = saved(ONE, false, Some(ONE));
        let kept = choose(Some(&broken), Some(&before), true).unwrap();
        assert_eq!(names(&kept), ["a"]);
        assert!(kept.instead.unwrap().contains("policy.toml"));
        assert!(choose(Some(&broken), Some(&before), false).is_err());
        assert!(choose(Some(&broken), None, true).is_err());
        assert!(choose(Some(&folder.path().join("none.toml")), None, false).is_err());
    }

    #[test]
    fn names_keep_their_numbers_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(&folder, "version = 1\n[profiles.a]\n[profiles.z]\n");
        let before = saved(TWO, false, Some(TWO));
        let chosen = choose(Some(&file), Some(&before), false).unwrap();
        assert_eq!(chosen.compiled.lineage().profiles[0], "b", "agents may still run under it");
    }
}
