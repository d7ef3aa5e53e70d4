//! Which policy is in force, and how another one comes to be. Chooses texts; what they decide is `policy`'s.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use guard_common::ZoneId;
use serde::{Deserialize, Serialize};

use super::enrolling::allow_enrolments;
use crate::kernel::probe::{self, Check};
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
    /// Whether a person applied it. Its record says so only until a daemon takes it up again by itself.
    #[serde(default)]
    pub applied: bool,
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
    /// Whether a person applied it, at whatever time.
    pub applied: bool,
}

/// A policy on this host, ready to be written into the kernel.
#[derive(Debug)]
pub(super) struct Ready {
    /// What it decides.
    pub compiled: Compiled,
    /// Digest of the operator's file.
    pub file_sha256: Option<String>,
    /// Why it is not the one that was asked for, and what of it does not work here.
    pub amiss: Vec<String>,
    /// Whether a person applied it, at whatever time.
    pub applied: bool,
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
    /// Why it is not the one that was asked for, and what of it does not work here.
    pub amiss: Vec<String>,
    /// Keeps the rows' inode numbers valid.
    pub _handles: Vec<OwnedFd>,
}

/// The policy to begin with. Where its file is broken it is the one that was in force last, be it before a reboot: a
/// mistake in a file must not leave the host without any. Where there is none, a broken file is an error.
pub(super) fn choose(file: Option<&Path>, saved: Option<&SavedPolicy>) -> Result<Candidate, String> {
    let lineage = saved.map(|saved| saved.lineage.clone()).unwrap_or_default();
    let wanted = match file {
        Some(file) => from_file(file, saved, &lineage),
        None => without_file(saved, &lineage),
    };
    wanted.or_else(|why| in_its_place(saved, why))
}

/// The policy that was in force last, for one that cannot be.
fn in_its_place(saved: Option<&SavedPolicy>, why: String) -> Result<Candidate, String> {
    let Some(saved) = saved else { return Err(why) };
    match saved.again() {
        Ok(candidate) => Ok(Candidate { instead: Some(why), ..candidate }),
        Err(second) => Err(neither(&why, &second)),
    }
}

fn neither(why: &str, second: &str) -> String {
    format!("{why}\nthe policy that was in force before it cannot be either: {second}")
}

fn from_file(file: &Path, saved: Option<&SavedPolicy>, lineage: &Lineage) -> Result<Candidate, String> {
    let sources = Sources::read(file).map_err(|problems| problems.to_string())?;
    let sha256 = sources.sha256();
    match saved {
        // The file is what it was, so whatever was put in force since is newer.
        Some(saved) if saved.file_sha256.as_ref() == Some(&sha256) => saved.again(),
        Some(_) | None => candidate(sources, lineage, Some(sha256)),
    }
}

fn without_file(saved: Option<&SavedPolicy>, lineage: &Lineage) -> Result<Candidate, String> {
    match saved {
        // What a person applied stays; what came from a file that is gone, or was built in, does not.
        Some(saved) if saved.is_applied() => saved.again(),
        Some(_) | None => candidate(Sources::embedded(), lineage, None),
    }
}

fn candidate(sources: Sources, lineage: &Lineage, file_sha256: Option<String>) -> Result<Candidate, String> {
    let compiled = load(sources, lineage).map_err(|problems| problems.to_string())?;
    Ok(Candidate { compiled, file_sha256, instead: None, applied: false })
}

impl SavedPolicy {
    /// Itself, to be put in force again.
    pub(super) fn again(&self) -> Result<Candidate, String> {
        let sources = if self.record.source == EMBEDDED_NAME {
            Sources::embedded()
        } else {
            Sources::unbundle(&self.record.source, &self.bundle).map_err(|problems| problems.to_string())?
        };
        let again = candidate(sources, &self.lineage, self.file_sha256.clone())?;
        Ok(Candidate { applied: self.is_applied(), ..again })
    }

    fn is_applied(&self) -> bool {
        self.applied || self.record.by.is_some()
    }
}

impl Candidate {
    /// Somebody's text, to follow the policy in force.
    pub(super) fn applied(text: &str, source: &str, now: &InForce) -> Result<Self, String> {
        let sources = Sources::unbundle(source, text).map_err(|problems| problems.to_string())?;
        candidate(sources, now.compiled.lineage(), now.file_sha256.clone())
    }

    /// Finds its roots on this host. Where the host has no place for it, the policy that was in force last is in its
    /// place.
    pub(super) fn ready_or_before(
        self,
        saved: Option<&SavedPolicy>,
        guarded: &[PathBuf],
    ) -> Result<Ready, String> {
        let (first, sha256) = (self.instead.clone(), self.compiled.sha256().to_owned());
        let why = match (self.ready(guarded), first) {
            (Ok(ready), _) => return Ok(ready),
            (Err(second), Some(why)) => return Err(neither(&why, &second)),
            (Err(why), None) => why,
        };
        let other = saved.filter(|saved| saved.record.sha256 != sha256);
        in_its_place(other, why.clone())?.ready(guarded).map_err(|second| neither(&why, &second))
    }

    /// Finds its roots on this host.
    pub(super) fn ready(self, guarded: &[PathBuf]) -> Result<Ready, String> {
        let Self { compiled, file_sha256, instead, applied } = self;
        allow_enrolments(&compiled)?;
        let resolved = resolve(&compiled, guarded).map_err(|problems| problems.to_string())?;
        for note in &resolved.notes {
            tracing::warn!("policy: {note}");
        }
        let instead = instead.map(|why| {
            format!(
                "the policy that is asked for cannot be, and the one that was in force before it is in its place: {why}"
            )
        });
        let refuses_starts =
            if resolved.rows.digests.is_empty() { None } else { digests_amiss(&probe::digests()) };
        let amiss = instead.into_iter().chain(refuses_starts).collect();
        let unresolved = resolved.unresolved.iter().map(ToString::to_string).collect();
        let Resolved { rows, notes, handles, .. } = resolved;
        Ok(Ready { compiled, file_sha256, amiss, applied, rows, unresolved, notes, handles })
    }
}

/// What is amiss with a policy that names digests where the kernel takes none.
fn digests_amiss(check: &Check) -> Option<String> {
    let mend = check.mend.as_deref().unwrap_or("see `guard doctor`");
    (!check.ok).then(|| {
        format!(
            "the policy names programs by `digests`, and on this host every start of every agent is refused for it: {}; \
             {mend}, or take `digests` out of the policy",
            check.found
        )
    })
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
        InForce {
            compiled: self.compiled.clone(),
            record: self.record(0, None),
            file_sha256: self.file_sha256.clone(),
            amiss: Vec::new(),
            _handles: Vec::new(),
        }
    }

    /// In force now.
    pub(super) fn in_force(self, record: Policy) -> InForce {
        let Self { compiled, file_sha256, amiss, handles, .. } = self;
        InForce { compiled, record, file_sha256, amiss, _handles: handles }
    }

    /// What has to be saved before it comes into force.
    pub(super) fn saved(&self, record: Policy) -> SavedPolicy {
        SavedPolicy {
            applied: self.applied || record.by.is_some(),
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
        let Candidate { compiled, file_sha256, .. } = saved.again().ok()?;
        let (record, amiss) = (saved.record.clone(), Vec::new());
        Some(Self { compiled, record, file_sha256, amiss, _handles: Vec::new() })
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
            amiss: Vec::new(),
            applied: false,
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
        assert_eq!(names(&choose(Some(&file), Some(&applied)).unwrap()), ["b"]);
        let newer = written(&folder, "version = 1\n[profiles.c]\n");
        assert_eq!(names(&choose(Some(&newer), Some(&applied)).unwrap()), ["c"]);
        assert_eq!(names(&choose(None, Some(&applied)).unwrap()), ["b"]);
    }

    #[test]
    fn what_a_person_applied_stays_however_often_a_daemon_takes_it_up_again() {
        let mut kept = saved(TWO, true, None);
        for generation in 5..8 {
            let chosen = choose(None, Some(&kept)).unwrap();
            assert_eq!(names(&chosen), ["b"]);
            let ready = chosen.ready(&[]).unwrap();
            kept = ready.saved(ready.record(generation, None));
        }
    }

    #[test]
    fn without_file_and_person_the_built_in_policy_serves() {
        let embedded = choose(None, None).unwrap();
        assert_eq!(embedded.compiled.sources().name(), EMBEDDED_NAME);
        let from_a_file_that_is_gone = saved(TWO, false, Some(TWO));
        let chosen = choose(None, Some(&from_a_file_that_is_gone)).unwrap();
        assert_eq!(chosen.compiled.sources().name(), EMBEDDED_NAME);
    }

    #[test]
    fn for_a_broken_file_the_policy_before_it_serves_and_that_is_told_and_without_one_it_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let broken = written(&folder, "nonsense = [");
        let none = folder.path().join("none.toml");
        let before = saved(ONE, false, Some(ONE));
        for file in [&broken, &none] {
            let kept = choose(Some(file), Some(&before)).unwrap();
            assert_eq!(names(&kept), ["a"]);
            let (told, name) = (kept.instead.unwrap(), file.file_name().unwrap().to_str().unwrap());
            assert!(told.contains(name), "{told}");
            assert!(choose(Some(file), None).is_err());
        }
        let unreadable = SavedPolicy { bundle: "nonsense = [".to_owned(), ..before };
        let why = choose(Some(&broken), Some(&unreadable)).unwrap_err();
        assert!(why.contains("policy.toml") && why.contains("somewhere"), "{why}");
    }

    #[test]
    fn for_a_policy_that_this_host_has_no_place_for_the_one_before_it_serves() {
        let folder = tempfile::tempdir().unwrap();
        let guarded = [folder.path().canonicalize().unwrap()];
        let text = format!("version = 1\n[profiles.c]\n[zones.z]\npaths = [{:?}]\n", guarded[0]);
        let file = written(&folder, &text);
        let before = saved(ONE, false, Some(ONE));
        let ready = |saved| choose(Some(&file), Some(&before)).unwrap().ready_or_before(saved, &guarded);
        let kept = ready(Some(&before)).unwrap();
        assert_eq!(kept.compiled.profiles().map(|(_, one)| one.name.clone()).collect::<Vec<_>>(), ["a"]);
        assert!(kept.amiss.join(" ").contains("guard's own"));
        assert!(ready(None).unwrap_err().contains("guard's own"));
        // The same policy again would fail again, and say everything twice.
        let same = saved(&text, false, Some(&text));
        let why =
            choose(Some(&file), Some(&same)).unwrap().ready_or_before(Some(&same), &guarded).unwrap_err();
        assert_eq!(why.matches("nobody's to touch").count(), 1, "{why}");
    }

    #[test]
    fn of_a_policy_with_digests_it_is_told_where_the_kernel_takes_none() {
        let check = |ok: bool| Check {
            name: "digests".to_owned(),
            ok,
            found: "IMA takes sha1".to_owned(),
            mend: (!ok).then(|| "boot with it".to_owned()),
        };
        assert_eq!(digests_amiss(&check(true)), None);
        let why = digests_amiss(&check(false)).unwrap();
        assert!(why.contains("IMA takes sha1; boot with it, or take `digests` out"), "{why}");
    }

    #[test]
    fn names_keep_their_numbers_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(&folder, "version = 1\n[profiles.a]\n[profiles.z]\n");
        let before = saved(TWO, false, Some(TWO));
        let chosen = choose(Some(&file), Some(&before)).unwrap();
        assert_eq!(chosen.compiled.lineage().profiles[0], "b", "agents may still run under it");
    }
}
