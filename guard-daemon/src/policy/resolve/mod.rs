//! Roots on the file system: paths become marks on inodes. The one part of the policy that asks the host.
//!
//! The kernel's walk goes from an object up its file system and ignores how that is mounted. So three things
//! are written:
//! - a mark for every root of a zone that exists, following symbolic links;
//! - a rule for its name in its directory, so that whatever takes its place (`/etc/shadow` is replaced, never
//!   rewritten) or comes to be there later is in the zone as well;
//! - a mark for every mounted file system's root, with the zone of its mount point.
//!
//! Where two claims meet on one object: guard's own win; a root of the policy wins over a package's list, and that
//! over a mount; of two equals the zone that allows less wins, and it is told.

mod claims;
mod launchers;
mod mounts;
mod object;
mod packages;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use guard_common::limits::{CHILD_NAME_LEN_MAX, CHILDREN_MAX, MARKS_MAX, SLOTS};
use guard_common::map::zone::{MARK_HAS_CHILDREN, MARK_HOLDS_ROOT, Mark, NameKind};
use guard_common::{Surface, Verdict, ZoneId};

use self::claims::{Claim, Claims, Rank};
use self::mounts::Mounts;
use self::object::Object;
use super::compile::Compiled;
use super::problem::{Place, Problem, Problems};
use super::rows::{InodeKey, Rows};
use crate::mountinfo::Mount;

/// Symbolic links that lead nowhere yet, followed one after the other.
const DANGLING_LINKS_MAX: usize = 8;

/// A policy on this host.
#[derive(Debug)]
pub struct Resolved {
    /// For the kernel.
    pub rows: Rows,
    /// Roots that protect or open nothing, because they, and the folders they would stand in, do not exist.
    pub unresolved: Vec<Unresolved>,
    /// What a person should know: conflicts, doubtful file systems.
    pub notes: Vec<String>,
    /// To be kept open as long as the rows are in force: these file systems number an inode anew when nobody
    /// has it in use.
    pub handles: Vec<OwnedFd>,
}

/// A root without an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The zone.
    pub zone: String,
    /// The path.
    pub path: String,
    /// Why.
    pub reason: String,
    /// Where the policy names it; absent for guard's own.
    pub place: Option<Place>,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (zone {}): {}", self.path, self.zone, self.reason)
    }
}

/// Finds the objects of a policy's roots. `guard` are guard's own files and folders: they are put in the zone
/// `guard`, and a policy that names something inside them is refused.
pub fn resolve(policy: &Compiled, guard: &[PathBuf]) -> Result<Resolved, Problems> {
    let mounts = Mounts::read().map_err(|error| {
        refused(
            Place::whole(policy.sources().name()),
            format!("/proc/self/mountinfo cannot be read: {error}"),
            "mount /proc",
        )
    })?;
    let mut resolving = Resolving::new(policy, &mounts);
    for path in guard {
        resolving.root(path, ZoneId::GUARD, Rank::Guard, None);
    }
    for (zone, body) in policy.zones() {
        for (path, spot) in &body.paths {
            resolving.root(Path::new(path), zone, Rank::Root, Some(policy.sources().place(*spot)));
        }
        for (package, spot) in &body.packages {
            resolving.package(package, zone, &policy.sources().place(*spot));
        }
    }
    for mount in mounts.ends() {
        resolving.mount(mount);
    }
    resolving.holders();
    for (path, place) in policy.launchers() {
        resolving.launcher(Path::new(path), place);
    }
    resolving.finish()
}

/// A path's object: device in the kernel's form, and inode number. The handle keeps the number valid.
pub fn object(path: &Path) -> io::Result<(InodeKey, OwnedFd)> {
    let object = object::find(path, &Mounts::read()?)?;
    Ok((object.key, object.handle))
}

/// The same for an object that is open already: whatever its path has come to mean.
pub fn object_of(file: File) -> io::Result<(InodeKey, OwnedFd)> {
    let object = object::of(file, &Mounts::read()?)?;
    Ok((object.key, object.handle))
}

fn refused(place: Place, reason: String, hint: &str) -> Problems {
    Problems(vec![Problem { place, reason, hint: hint.to_owned() }])
}

struct Resolving<'a> {
    policy: &'a Compiled,
    mounts: &'a Mounts,
    marks: Claims<InodeKey>,
    children: Claims<(InodeKey, [u8; CHILD_NAME_LEN_MAX])>,
    launchers: BTreeSet<(InodeKey, [u8; CHILD_NAME_LEN_MAX])>,
    /// Zones of roots by their paths without symbolic links.
    by_path: BTreeMap<PathBuf, Claim>,
    /// Directories on the way to roots.
    holders: BTreeSet<InodeKey>,
    unresolved: Vec<Unresolved>,
    notes: Vec<String>,
    handles: Vec<OwnedFd>,
    problems: Vec<Problem>,
}

impl<'a> Resolving<'a> {
    fn new(policy: &'a Compiled, mounts: &'a Mounts) -> Self {
        Self {
            policy,
            mounts,
            marks: Claims::default(),
            children: Claims::default(),
            launchers: BTreeSet::new(),
            by_path: BTreeMap::new(),
            holders: BTreeSet::new(),
            unresolved: Vec::new(),
            notes: Vec::new(),
            handles: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// `place` is absent for guard's own.
    fn root(&mut self, path: &Path, zone: ZoneId, rank: Rank, place: Option<Place>) {
        let claim = Claim { zone: zone.0, rank, path: path.to_owned() };
        let mut at = path.to_owned();
        for _ in 0..DANGLING_LINKS_MAX {
            match object::find(&at, self.mounts) {
                Ok(object) => {
                    self.name(&at, &claim, place.as_ref(), None);
                    return self.found(object, claim, place.as_ref());
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let link = object::link_target(&at);
                    let absent = if link.is_none() { "there is no such folder to stand in" } else { "" };
                    self.name(&at, &claim, place.as_ref(), (!absent.is_empty()).then_some(absent));
                    match link {
                        Some(target) => at = target,
                        None => return,
                    }
                }
                Err(error) => match (place, object::is_for_want_of_handles(&error)) {
                    (Some(place), true) => return self.too_many(place, &error),
                    (place, _) => return self.leave(&claim, error.to_string(), place),
                },
            }
        }
        self.leave(&claim, "symbolic links lead on and on, and nowhere".to_owned(), place);
    }

    /// The object is there, and would be left out of its zone.
    fn too_many(&mut self, place: Place, error: &io::Error) {
        let reason =
            format!("{error}: the daemon keeps a handle for each of {} objects already", self.handles.len());
        let hint = "raise LimitNOFILE= of guardd.service, or name folders instead of their files".to_owned();
        if self.problems.is_empty() {
            self.problems.push(Problem { place, reason, hint });
        }
    }

    /// A root for each of its programs.
    fn package(&mut self, package: &str, zone: ZoneId, place: &Place) {
        match packages::programs(package) {
            Ok(programs) => {
                for program in programs {
                    self.root(&program, zone, Rank::Package, Some(place.clone()));
                }
            }
            Err(reason) => self.unresolved.push(Unresolved {
                zone: self.policy.zone_name(zone).unwrap_or("?").to_owned(),
                path: format!("package {package}"),
                reason,
                place: Some(place.clone()),
            }),
        }
    }

    fn found(&mut self, object: Object, claim: Claim, place: Option<&Place>) {
        if !self.is_allowed(&object.path, &claim, place) {
            return;
        }
        let named = self.name(&object.path, &claim, place, None);
        self.place(object.path.clone(), claim.clone());
        if object.is_shared && named {
            // A mark would put whatever else has the number into the zone.
            return self.notes_of(object.doubt);
        }
        self.mark(object, claim);
    }

    fn mark(&mut self, object: Object, claim: Claim) {
        self.notes_of(object.doubt);
        if !object.is_stable {
            self.handles.push(object.handle);
        }
        let note = self.marks.put(object.key, claim, |zone| permissions(self.policy, zone));
        self.notes.extend(note);
    }

    /// Writes the rule for a root's name in its directory; whether it could. `else_unresolved`: the rule is all
    /// there is.
    fn name(
        &mut self,
        path: &Path,
        claim: &Claim,
        place: Option<&Place>,
        else_unresolved: Option<&str>,
    ) -> bool {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return false };
        let name = name.as_encoded_bytes();
        let mut padded = [0; CHILD_NAME_LEN_MAX];
        let directory = object::find(parent, self.mounts);
        let reason = match (directory, padded.get_mut(..name.len())) {
            (Ok(directory), Some(start)) => {
                start.copy_from_slice(name);
                let real = directory.path.join(path.file_name().unwrap_or_default());
                if !self.is_allowed(&real, claim, place) {
                    return false;
                }
                if else_unresolved.is_some() {
                    self.place(real, claim.clone());
                }
                let note = self
                    .children
                    .put((directory.key, padded), claim.clone(), |zone| permissions(self.policy, zone));
                self.notes.extend(note);
                if !directory.is_stable {
                    self.handles.push(directory.handle);
                }
                return true;
            }
            (Ok(_), None) if else_unresolved.is_some() => {
                format!("it does not exist, and its name is longer than {CHILD_NAME_LEN_MAX} bytes")
            }
            // The object is there and marked.
            (Ok(_), None) => format!(
                "what takes its place will not be in the zone, for its name is longer than {CHILD_NAME_LEN_MAX} bytes; \
                 name the folder that it stands in"
            ),
            (Err(_), _) => match else_unresolved {
                Some(reason) => reason.to_owned(),
                None => return false,
            },
        };
        self.leave(claim, reason, place.cloned());
        false
    }

    /// Nothing inside guard's own folders belongs to another zone: it would be nearer than guard's mark.
    fn is_allowed(&mut self, path: &Path, claim: &Claim, place: Option<&Place>) -> bool {
        let inside = path
            .ancestors()
            .any(|above| self.by_path.get(above).is_some_and(|found| found.rank == Rank::Guard));
        match (claim.rank, place) {
            (Rank::Root, Some(place)) if inside => {
                let reason = format!("path `{}` is one of guard's own, or lies in one", claim.path.display());
                let hint = "guard's own files are nobody's to touch: take it out".to_owned();
                let problem = Problem { place: place.clone(), reason, hint };
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                false
            }
            // A package's list is not the policy's author.
            (Rank::Package, _) => !inside,
            (Rank::Guard | Rank::Root | Rank::Mount, _) => true,
        }
    }

    fn place(&mut self, path: PathBuf, claim: Claim) {
        match self.by_path.get(&path) {
            Some(found) if !claim.beats(found, |zone| permissions(self.policy, zone)) => {}
            Some(_) | None => {
                self.by_path.insert(path, claim);
            }
        }
    }

    fn leave(&mut self, claim: &Claim, reason: String, place: Option<Place>) {
        let zone = self.policy.zone_name(ZoneId(claim.zone)).unwrap_or("?").to_owned();
        let unresolved = Unresolved { zone, path: claim.path.display().to_string(), reason, place };
        if !self.unresolved.contains(&unresolved) {
            self.unresolved.push(unresolved);
        }
    }

    fn note(&mut self, note: String) {
        self.notes_of(Some(note));
    }

    fn notes_of(&mut self, note: Option<String>) {
        let fresh = note.filter(|note| !self.notes.contains(note));
        self.notes.extend(fresh);
    }

    fn mount(&mut self, mount: &Mount) {
        match object::find(&mount.point, self.mounts) {
            // Something else is mounted over it: no path leads here.
            Ok(object) if object.mount.is_some_and(|id| id != mount.id) => {}
            Ok(object) => {
                let zone = self.zone_of(&mount.point);
                let claim = Claim { zone, rank: Rank::Mount, path: mount.point.clone() };
                self.mark(object, claim);
            }
            Err(error) => {
                let (point, fstype) = (mount.point.display(), &mount.fstype);
                self.note(format!("{point} ({fstype}) cannot be looked at ({error}): refused to agents"));
            }
        }
    }

    /// Marks every directory on the way to a root of a zone that some agents may not write though they write elsewhere:
    /// moved away, it would leave the root's path for them to take.
    fn holders(&mut self) {
        let kept = |claim: &Claim| match claim.rank {
            Rank::Guard => true,
            Rank::Root => is_kept_from_writers(self.policy, claim.zone),
            Rank::Package | Rank::Mount => false,
        };
        let roots = self.by_path.iter().filter(|(_, claim)| kept(claim));
        let holders: BTreeSet<PathBuf> =
            roots.flat_map(|(path, _)| path.ancestors().skip(1)).map(Path::to_owned).collect();
        for path in holders {
            // What is gone meanwhile holds nothing.
            if let Ok(object) = object::find(&path, self.mounts) {
                self.holders.insert(object.key);
                if !object.is_stable {
                    self.handles.push(object.handle);
                }
            }
        }
    }

    /// The zone of a mount point: the nearest root or exact name rule on its path.
    fn zone_of(&self, point: &Path) -> u16 {
        point
            .ancestors()
            .find_map(|path| {
                self.by_path
                    .get(path)
                    .map(|claim| claim.zone)
                    .or_else(|| self.policy.zone_of_name(path, true).map(|id| id.0))
            })
            .unwrap_or(ZoneId::ELSEWHERE.0)
    }

    fn finish(self) -> Result<Resolved, Problems> {
        let mut problems = self.problems;
        let mut marks: BTreeMap<InodeKey, Mark> = BTreeMap::new();
        let mut children = Vec::new();
        for key in self.holders {
            marks.entry(key).or_default().flags |= MARK_HOLDS_ROOT;
        }
        for (key, claim) in self.marks.into_inner() {
            marks.entry(key).or_default().zone = claim.zone;
        }
        for ((directory, name), claim) in self.children.into_inner() {
            marks.entry(directory).or_default().flags |= MARK_HAS_CHILDREN;
            children.push((directory, name, Mark { zone: claim.zone, flags: 0 }));
        }
        for (what, count, most) in
            [("marks", marks.len(), MARKS_MAX / SLOTS), ("named roots", children.len(), CHILDREN_MAX / SLOTS)]
        {
            if count > most as usize {
                problems.push(Problem {
                    place: Place::whole(self.policy.sources().name()),
                    reason: format!("{count} {what}, and the kernel's table has room for {most}"),
                    hint: "name folders rather than single files, or unmount what is not needed".to_owned(),
                });
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let rows = Rows {
            cells: self.policy.cells(),
            marks: marks.into_iter().collect(),
            children,
            names: names(self.policy),
            addresses: self.policy.addresses().to_vec(),
            arguments: self.policy.argument_rows(),
            digests: digests(self.policy),
            enrol: self.policy.rules(),
            launchers: self.launchers.into_iter().collect(),
        };
        Ok(Resolved { rows, unresolved: self.unresolved, notes: self.notes, handles: self.handles })
    }
}

fn digests(policy: &Compiled) -> Vec<([u8; 32], Mark)> {
    let of_zone = |(id, zone): (ZoneId, &super::Zone)| {
        zone.digests.iter().map(|(sha256, _)| (*sha256, Mark { zone: id.0, flags: 0 })).collect::<Vec<_>>()
    };
    let mut digests: Vec<_> = policy.zones().flat_map(of_zone).collect();
    digests.sort_unstable_by_key(|(sha256, _)| *sha256);
    digests.dedup_by_key(|(sha256, _)| *sha256);
    digests
}

fn names(policy: &Compiled) -> Vec<(NameKind, Vec<u8>, Mark)> {
    let rule = |(zone, rule): (ZoneId, &super::NameRule)| {
        (rule.kind, rule.text.clone().into_bytes(), Mark { zone: zone.0, flags: 0 })
    };
    let mut names: Vec<_> = policy
        .zones()
        .flat_map(|(id, zone)| zone.names.iter().map(move |(rule, _)| (id, rule)))
        .map(rule)
        .collect();
    names.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    names.dedup_by(|a, b| (a.0, &a.1) == (b.0, &b.1));
    names
}

/// How much a zone allows, over all profiles: the measure by which one zone is stricter than another.
fn permissions(policy: &Compiled, zone: u16) -> usize {
    policy
        .edges()
        .filter(|(_, id, surface, verdict)| {
            id.0 == zone && *verdict == Verdict::Allow && *surface != Surface::Connect
        })
        .count()
}

/// Whether some profile may write elsewhere, and not there.
fn is_kept_from_writers(policy: &Compiled, zone: u16) -> bool {
    let writes = |profile: u16| {
        policy.edges().any(|(of, _, surface, verdict)| {
            of == profile && surface == Surface::Write && verdict == Verdict::Allow
        })
    };
    let may = |profile: u16| policy.verdict(profile, ZoneId(zone), Surface::Write) == Some(Verdict::Allow);
    policy.profiles().any(|(profile, _)| writes(profile) && !may(profile))
}
