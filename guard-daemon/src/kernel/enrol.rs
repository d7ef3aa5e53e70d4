//! guard's cgroups: one for each agent instance, under one of guard's own. Moving a process in is what makes it
//! an agent. Decides nothing about who may.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::failure::MapFailure;
use super::mounts;
use super::pins::PinFolder;

/// Longest agent's name in a cgroup's name; the rest is cut off.
const NAME_LEN_MAX: usize = 64;

/// A cgroup could not be used.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// There is no unified hierarchy.
    #[error(
        "no cgroup v2 hierarchy is mounted; `mount -t cgroup2 cgroup2 /sys/fs/cgroup`, or see `guard doctor`"
    )]
    NoHierarchy,
    /// The cgroup is gone.
    #[error("the cgroup {} has vanished: someone removed it, and its agent with it; start the agent again", path.display())]
    Vanished {
        /// The cgroup.
        path: PathBuf,
    },
    /// There is no such process.
    #[error("process {pid} is gone")]
    NoProcess {
        /// The process.
        pid: u32,
    },
    /// Processes live in the cgroup that should be new or removed.
    #[error("the cgroup {} still has processes; `guard agents` shows them", path.display())]
    Populated {
        /// The cgroup.
        path: PathBuf,
    },
    /// A file of the cgroup could not be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The walk that labels processes could not run.
    #[error("the processes of a cgroup cannot be labelled: {}: {cause}", path.display())]
    Walk {
        /// Its pin.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// A map that says which cgroups are agents' could not be read.
    #[error(transparent)]
    Map(#[from] MapFailure),
}

/// guard's own cgroup, parent of all agents'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroups {
    root: PathBuf,
}

/// One instance's cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCgroup {
    path: PathBuf,
    id: u64,
    /// Of one that is not guard's own: slot and agent.
    enrolled: Option<(u32, String)>,
}

impl Cgroups {
    /// Finds the unified hierarchy and makes guard's cgroup in it.
    pub fn open() -> Result<Self, EnrolError> {
        let mount = mounts::cgroup2().ok_or(EnrolError::NoHierarchy)?;
        Self::under(&mount)
    }

    fn under(mount: &Path) -> Result<Self, EnrolError> {
        let root = mount.join("guard");
        match fs::create_dir(&root) {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
                Err(EnrolError::File { path: root, cause })
            }
            Ok(()) | Err(_) => Ok(Self { root }),
        }
    }

    /// guard's cgroup.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The hierarchy's root.
    pub fn hierarchy(&self) -> &Path {
        self.root.parent().unwrap_or(Path::new("/"))
    }

    /// An enrolled instance's cgroup, if it is still there.
    pub fn enrolled(&self, path: &str, id: u64, slot: u32, agent: &str) -> Option<AgentCgroup> {
        AgentCgroup::enrolled(self.hierarchy(), path, id, slot, agent)
    }

    /// Every cgroup of the host but guard's own, with its path below the hierarchy's root, from the root outward. An
    /// error is the first of those that hid some: it keeps no other from being found.
    pub fn of_host(&self) -> (Vec<(String, u64)>, Result<(), EnrolError>) {
        let mut found = Vec::new();
        let seen = walk(|folder, folders| self.list(folder, &mut found, folders));
        (found, seen)
    }

    /// The cgroups right below one: each is found, and still to be listed itself.
    fn list(
        &self,
        folder: &Path,
        found: &mut Vec<(String, u64)>,
        folders: &mut Vec<PathBuf>,
    ) -> Result<(), EnrolError> {
        let full = self.hierarchy().join(folder);
        let mut outcome = Ok(());
        for entry in fs::read_dir(&full).map_err(|cause| failed(&full, &full, cause))? {
            let entry = entry.map_err(|cause| failed(&full, &full, cause))?;
            let path = folder.join(entry.file_name());
            let full = self.hierarchy().join(&path);
            // What the listing itself says of its kind: the files of a cgroup are many, and none is asked for more.
            if full == self.root || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            match (entry.metadata(), path.to_str()) {
                (Ok(metadata), Some(text)) => found.push((format!("/{text}"), metadata.ino())),
                // A name that is not UTF-8 is no rule's, and is walked through.
                (Ok(_), None) => {}
                (Err(cause), _) => outcome = outcome.and(unless_gone(Err(failed(&full, &full, cause)))),
            }
            folders.push(path);
        }
        outcome
    }

    /// Makes an instance's cgroup. One of that name that an earlier instance left empty is replaced.
    pub fn create(&self, agent: &str, slot: u32) -> Result<AgentCgroup, EnrolError> {
        let path = self.root.join(format!("{}.{slot}", folder_name(agent)));
        if path.exists() {
            AgentCgroup::at(path.clone())?.remove()?;
        }
        fs::create_dir(&path).map_err(|cause| EnrolError::File { path: path.clone(), cause })?;
        AgentCgroup::at(path)
    }

    /// Every instance's cgroup that stands, living or left over.
    pub fn all(&self) -> Result<Vec<AgentCgroup>, EnrolError> {
        let failed = |cause| EnrolError::File { path: self.root.clone(), cause };
        let mut cgroups = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                match AgentCgroup::at(path) {
                    // Removed between the listing and the look.
                    Err(EnrolError::Vanished { .. }) => {}
                    cgroup => cgroups.push(cgroup?),
                }
            }
        }
        Ok(cgroups)
    }
}

impl AgentCgroup {
    /// A cgroup that stands.
    fn at(path: PathBuf) -> Result<Self, EnrolError> {
        let metadata = fs::metadata(&path).map_err(|cause| failed(&path, &path, cause))?;
        // In the unified hierarchy a cgroup's id is its folder's inode number.
        Ok(Self { id: metadata.ino(), path, enrolled: None })
    }

    /// A cgroup of the host's that was enrolled: `path` is below the hierarchy's root. `None` where it is gone, and
    /// where another has its place.
    pub(super) fn enrolled(root: &Path, path: &str, id: u64, slot: u32, agent: &str) -> Option<Self> {
        let cgroup = Self::at(root.join(path.trim_start_matches('/'))).ok()?;
        (cgroup.id == id).then(|| Self { enrolled: Some((slot, agent.to_owned())), ..cgroup })
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its id, as the kernel programs know it.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The instance's slot, as its folder's name says, or as it was enrolled.
    pub fn slot(&self) -> Option<u32> {
        if let Some((slot, _)) = &self.enrolled {
            return Some(*slot);
        }
        self.name()?.rsplit_once('.')?.1.parse().ok()
    }

    /// Whether it is an instance of the agent of this name.
    pub fn is_of(&self, agent: &str) -> bool {
        if let Some((_, enrolled)) = &self.enrolled {
            return enrolled == agent;
        }
        let stem = self.name().and_then(|name| name.rsplit_once('.'));
        stem.is_some_and(|(stem, _)| stem == folder_name(agent))
    }

    fn name(&self) -> Option<&str> {
        self.path.file_name()?.to_str()
    }

    /// Moves a process in, with all its threads. Register the id first: the label is given on the way in.
    pub fn admit(&self, pid: u32) -> Result<(), EnrolError> {
        let moved = self.write("cgroup.procs", &pid.to_string());
        match &moved {
            Err(EnrolError::File { cause, .. }) if cause.raw_os_error() == Some(nix::libc::ESRCH) => {
                Err(EnrolError::NoProcess { pid })
            }
            Ok(()) | Err(_) => moved,
        }
    }

    /// Processes in it and in cgroups below it.
    pub fn pids(&self) -> Result<Vec<u32>, EnrolError> {
        let mut pids = Vec::new();
        self.collect_pids(&self.path, &mut pids)?;
        pids.sort_unstable();
        pids.dedup();
        Ok(pids)
    }

    fn collect_pids(&self, folder: &Path, pids: &mut Vec<u32>) -> Result<(), EnrolError> {
        let text = self.read(folder, "cgroup.procs")?;
        pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        let entries = fs::read_dir(folder).map_err(|cause| self.failed(folder, cause))?;
        for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
            match self.collect_pids(&entry.path(), pids) {
                // A cgroup below can go at any time; its processes are gone with it.
                Err(EnrolError::Vanished { .. }) if self.path.exists() => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Whether a process lives in it or below it.
    pub fn populated(&self) -> Result<bool, EnrolError> {
        Ok(self.read(&self.path, "cgroup.events")?.lines().any(|line| line == "populated 1"))
    }

    /// Stops every process in it, or lets them go on. Returns when it is ordered; see [`Self::frozen`].
    pub fn freeze(&self, on: bool) -> Result<(), EnrolError> {
        self.write("cgroup.freeze", if on { "1" } else { "0" })
    }

    /// Whether every process in it stands still.
    pub fn frozen(&self) -> Result<bool, EnrolError> {
        Ok(self.read(&self.path, "cgroup.events")?.lines().any(|line| line == "frozen 1"))
    }

    /// Kills every process in it, stopped, traced and forking ones included.
    pub fn kill(&self) -> Result<(), EnrolError> {
        self.write("cgroup.kill", "1")
    }

    /// Removes it, with empty cgroups below it. Gone already is as good. One that is the host's own stays.
    pub fn remove(&self) -> Result<(), EnrolError> {
        if self.enrolled.is_some() {
            return Ok(());
        }
        if let Ok(entries) = fs::read_dir(&self.path) {
            for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
                Self { path: entry.path(), id: 0, enrolled: None }.remove()?;
            }
        }
        match fs::remove_dir(&self.path) {
            Err(cause) if cause.raw_os_error() == Some(nix::libc::EBUSY) => {
                Err(EnrolError::Populated { path: self.path.clone() })
            }
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(EnrolError::File { path: self.path.clone(), cause })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// A host's cgroup may be made anew under its name: that is another.
    fn is_the_same(&self) -> Result<(), EnrolError> {
        match &self.enrolled {
            Some(_) if fs::metadata(&self.path).map_or(0, |metadata| metadata.ino()) != self.id => {
                Err(EnrolError::Vanished { path: self.path.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn read(&self, folder: &Path, file: &str) -> Result<String, EnrolError> {
        self.is_the_same()?;
        fs::read_to_string(folder.join(file)).map_err(|cause| self.failed(&folder.join(file), cause))
    }

    fn write(&self, file: &str, text: &str) -> Result<(), EnrolError> {
        self.is_the_same()?;
        let path = self.path.join(file);
        // Not `fs::write`: that would create a file where the cgroup is gone but its folder's name is not.
        let open = fs::OpenOptions::new().write(true).open(&path);
        open.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(|cause| self.failed(&path, cause))
    }

    fn failed(&self, path: &Path, cause: io::Error) -> EnrolError {
        failed(&self.path, path, cause)
    }
}

/// From the root outward, whatever became of another look. Deeper than the kernel takes a name no rule looks: a user's
/// own cgroups are theirs to make.
fn walk(mut list: impl FnMut(&Path, &mut Vec<PathBuf>) -> Result<(), EnrolError>) -> Result<(), EnrolError> {
    let too_deep = |error: &EnrolError| matches!(error, EnrolError::File { cause, .. } if cause.raw_os_error() == Some(nix::libc::ENAMETOOLONG));
    let mut outcome = Ok(());
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        match list(&folder, &mut folders) {
            Err(error) if too_deep(&error) => {}
            listed => outcome = outcome.and(unless_gone(listed)),
        }
    }
    outcome
}

/// An open file of a removed cgroup says ENODEV, its name ENOENT.
fn failed(cgroup: &Path, path: &Path, cause: io::Error) -> EnrolError {
    match cause.raw_os_error() {
        Some(nix::libc::ENOENT | nix::libc::ENODEV) => EnrolError::Vanished { path: cgroup.to_owned() },
        Some(_) | None => EnrolError::File { path: path.to_owned(), cause },
    }
}

/// A cgroup can go at any time: that is no failure where it is only looked at.
pub fn unless_gone(result: Result<(), EnrolError>) -> Result<(), EnrolError> {
    match result {
        Err(EnrolError::Vanished { .. }) => Ok(()),
        result => result,
    }
}

/// Paths of the cgroups that the first process and this one are in, below the hierarchy's root.
pub fn own_cgroups() -> Vec<String> {
    let of = |process: &str| {
        let text = fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
    };
    ["1", "self"].into_iter().filter_map(of).collect()
}

/// Labels every task that is in a registered cgroup and has no label yet: threads of a process that was moved,
/// and whatever was in the cgroup before the programs were. Run it after each [`AgentCgroup::admit`].
pub fn run_enrol_iterator(pins: &PinFolder) -> Result<(), EnrolError> {
    let path = pins.link("enrol_existing");
    let failed = |cause| EnrolError::Walk { path: path.clone(), cause };
    // Reading the pin runs the walk; what it says, if anything, is of no concern.
    let mut walk = fs::File::open(&path).map_err(failed)?;
    let mut buffer = [0; 4096];
    loop {
        match walk.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // The kernel stops for breath after many tasks, and goes on where it was.
            Err(cause) if matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(cause) => return Err(failed(cause)),
        }
    }
}

/// An agent's name as part of a folder's: nothing that means something to a path.
fn folder_name(agent: &str) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() || "-_".contains(character) { character } else { '_' }
    };
    let name: String = agent.chars().map(plain).take(NAME_LEN_MAX).collect();
    if name.is_empty() { "agent".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use rustix::fs::Mode;

    use super::*;

    fn scratch() -> (tempfile::TempDir, Cgroups) {
        let folder = tempfile::tempdir().unwrap();
        let cgroups = Cgroups::under(folder.path()).unwrap();
        (folder, cgroups)
    }

    #[test]
    fn an_agents_name_cannot_lead_out_of_guards_cgroup() {
        let (_folder, cgroups) = scratch();
        let cgroup = cgroups.create("../../evil\nname", 3).unwrap();
        assert_eq!(cgroup.path(), cgroups.root().join("______evil_name.3"));
        assert_eq!(cgroup.slot(), Some(3));
        assert!(cgroup.is_of("../../evil\nname") && !cgroup.is_of("evil"));
        assert_eq!(folder_name(""), "agent");
        assert_eq!(folder_name(&"x".repeat(300)).len(), NAME_LEN_MAX);
    }

    #[test]
    fn a_cgroups_id_is_its_folders_inode() {
        let (_folder, cgroups) = scratch();
        let cgroup = cgroups.create("a", 1).unwrap();
        assert_eq!(cgroup.id(), fs::metadata(cgroup.path()).unwrap().ino());
        assert_eq!(cgroups.all().unwrap(), [cgroup]);
    }

    #[test]
    fn a_cgroup_that_vanished_is_named_as_vanished_by_every_use() {
        let (_folder, cgroups) = scratch();
        let cgroup = cgroups.create("a", 1).unwrap();
        fs::remove_dir(cgroup.path()).unwrap();
        for result in [
            cgroup.admit(1).unwrap_err(),
            cgroup.pids().unwrap_err(),
            cgroup.populated().unwrap_err(),
            cgroup.freeze(true).unwrap_err(),
            cgroup.kill().unwrap_err(),
        ] {
            assert!(matches!(&result, EnrolError::Vanished { path } if path == cgroup.path()), "{result}");
        }
        cgroup.remove().unwrap();
    }

    #[test]
    fn a_cgroup_that_cannot_be_looked_into_is_told_and_hides_no_other() {
        let mut seen = Vec::new();
        let error = walk(|folder, folders| {
            seen.push(folder.to_owned());
            match folder.to_str() {
                Some("") => folders.extend(["one", "two", "three"].map(PathBuf::from)),
                Some("two") => {
                    return Err(failed(folder, folder, io::Error::from_raw_os_error(nix::libc::EMFILE)));
                }
                _ => {}
            }
            Ok(())
        });
        assert!(error.unwrap_err().to_string().contains("two"));
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn cgroups_deeper_than_a_name_goes_hide_no_other_and_are_no_failure() {
        let (folder, cgroups) = scratch();
        fs::create_dir_all(folder.path().join("one/below")).unwrap();
        let mut depth = rustix::fs::open(folder.path(), rustix::fs::OFlags::PATH, Mode::empty()).unwrap();
        let name = "deep".repeat(50);
        for _ in 0..25 {
            rustix::fs::mkdirat(&depth, &name, Mode::RWXU).unwrap();
            depth = rustix::fs::openat(&depth, &name, rustix::fs::OFlags::PATH, Mode::empty()).unwrap();
        }
        let (found, seen) = cgroups.of_host();
        seen.unwrap();
        assert!(found.iter().any(|(path, _)| path == "/one/below"), "{found:?}");
    }

    #[test]
    fn a_cgroup_that_goes_while_it_is_listed_is_no_failure() {
        let (_folder, cgroups) = scratch();
        let gone = Path::new("gone");
        let listed = cgroups.list(gone, &mut Vec::new(), &mut Vec::new());
        assert!(matches!(&listed, Err(EnrolError::Vanished { .. })));
        unless_gone(listed).unwrap();
        assert!(matches!(cgroups.of_host(), (found, Ok(())) if found.is_empty()));
    }

    #[test]
    fn processes_below_an_agents_cgroup_are_its_own() {
        let (_folder, cgroups) = scratch();
        let cgroup = cgroups.create("a", 1).unwrap();
        let below = cgroup.path().join("below");
        fs::create_dir(&below).unwrap();
        fs::write(cgroup.path().join("cgroup.procs"), "12\n7\n").unwrap();
        fs::write(below.join("cgroup.procs"), "9\n").unwrap();
        assert_eq!(cgroup.pids().unwrap(), [7, 9, 12]);
    }
}
