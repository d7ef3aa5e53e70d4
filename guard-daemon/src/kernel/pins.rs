//! The pins: where maps and links stand in the BPF file system, and which object they were made from. A pinned
//! link enforces with no process of guard alive. Never unpins anything but in `teardown`.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aya::maps::{Array, Map, MapData};
use aya::pin::PinError;
use guard_common::map::name;

use super::failure::MapFailure;
use super::plain::{Meta, Plain};
use super::programs;

/// Name of the map that says what the pinned set was made from.
const META: &str = "META";
/// Ends the name of a pin that is to replace the one without it. (The BPF file system allows no dots.)
const NEXT: &str = "__next";
/// Where the BPF file system is mounted.
pub const BPFFS: &str = "/sys/fs/bpf";

/// guard's folder in the BPF file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinFolder {
    root: PathBuf,
}

impl Default for PinFolder {
    fn default() -> Self {
        Self { root: Path::new(BPFFS).join("guard") }
    }
}

impl PinFolder {
    /// Another folder than the usual one. It must lie in a BPF file system.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A map's pin.
    pub fn map(&self, name: &str) -> PathBuf {
        self.root.join("maps").join(name)
    }

    /// A program's link's pin.
    pub fn link(&self, program: &str) -> PathBuf {
        self.root.join("links").join(program)
    }

    /// The pin that is to replace a map's.
    pub(super) fn next_map(&self, name: &str) -> PathBuf {
        self.map(&format!("{name}{NEXT}"))
    }

    /// The pin that is to replace a link's.
    pub(super) fn next_link(&self, program: &str) -> PathBuf {
        self.link(&format!("{program}{NEXT}"))
    }

    /// Whether any link of guard is pinned: whether anything is enforced.
    pub fn enforces(&self) -> bool {
        programs::ALL.iter().any(|program| self.link(program.name).exists())
    }

    /// Maps that should be pinned and are not.
    pub fn missing_maps(&self) -> Vec<&'static str> {
        name::ALL.iter().copied().filter(|map| !self.map(map).exists()).collect()
    }

    /// Programs of this kernel whose links should be pinned and are not.
    pub fn missing_links(&self) -> Vec<&'static str> {
        let names = programs::here().iter().map(|program| program.name);
        names.filter(|name| !self.link(name).exists()).collect()
    }

    /// Makes the folders, for root alone.
    pub(super) fn create(&self) -> io::Result<()> {
        for folder in [self.root.clone(), self.root.join("maps"), self.root.join("links")] {
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What the set was made from; `None` where nothing says so, or where a change was cut short.
    pub(super) fn meta(&self) -> Option<Meta> {
        let data = MapData::from_pin(self.map(META)).ok()?;
        let map = Map::from_map_data(data).ok()?;
        let array = Array::<_, Plain<Meta>>::try_from(&map).ok()?;
        let Plain(meta) = array.get(&0, 0).ok()?;
        (meta.abi != 0).then_some(meta)
    }

    /// Writes down what the set is made from.
    pub(super) fn set_meta(&self, meta: Meta) -> Result<(), MapFailure> {
        let existing = MapData::from_pin(self.map(META)).ok().and_then(|data| Map::from_map_data(data).ok());
        if let Some(mut map) = existing
            && let Ok(mut array) = Array::<_, Plain<Meta>>::try_from(&mut map)
        {
            return array.set(0, Plain(meta), 0).map_err(|error| MapFailure::call(META, "write", error));
        }
        self.make_meta(meta)
    }

    fn make_meta(&self, meta: Meta) -> Result<(), MapFailure> {
        let mut array =
            Array::<_, Plain<Meta>>::create(1, 0).map_err(|error| MapFailure::call(META, "create", error))?;
        array.set(0, Plain(meta), 0).map_err(|error| MapFailure::call(META, "write", error))?;
        self.pin_over(META, |path| array.pin(path))
    }

    /// Pins a map where another may be pinned: beside it first, then in its place.
    pub(super) fn pin_over(
        &self,
        map: &'static str,
        pin: impl FnOnce(&Path) -> Result<(), PinError>,
    ) -> Result<(), MapFailure> {
        let failed = |doing, cause| MapFailure::Call { map, doing, cause };
        let next = self.next_map(map);
        remove(&next).map_err(|cause| failed("clear the way for its pin", cause))?;
        pin(&next).map_err(|error| failed("pin", io::Error::other(error.to_string())))?;
        fs::rename(&next, self.map(map)).map_err(|cause| failed("pin", cause))
    }

    /// Removes pins that were to replace others and never did. Their programs end with them; those that stand
    /// under their own names go on.
    pub(super) fn drop_unfinished(&self) -> io::Result<()> {
        for path in self.pins()? {
            if path.as_os_str().as_encoded_bytes().ends_with(NEXT.as_bytes()) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes links of programs that this version does not have.
    pub(super) fn drop_foreign_links(&self) -> io::Result<Vec<String>> {
        let mut dropped = Vec::new();
        for entry in fs::read_dir(self.root.join("links"))? {
            let name = entry?.file_name();
            if name.to_str().and_then(programs::find).is_none() {
                remove(&self.root.join("links").join(&name))?;
                dropped.push(name.to_string_lossy().into_owned());
            }
        }
        Ok(dropped)
    }

    /// Unpins everything: links first, so that no program runs without its maps' pins. Enforcement ends, and
    /// with it the labels of all agents. Only a daemon that lives for one run does this.
    pub fn teardown(&self) -> io::Result<()> {
        for path in self.pins()? {
            remove(&path)?;
        }
        for folder in ["links", "maps"] {
            ignore_missing(fs::remove_dir(self.root.join(folder)))?;
        }
        ignore_missing(fs::remove_dir(&self.root))
    }

    /// Every pin, links first.
    fn pins(&self) -> io::Result<Vec<PathBuf>> {
        let mut pins = Vec::new();
        for folder in ["links", "maps"] {
            let entries = match fs::read_dir(self.root.join(folder)) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                pins.push(entry?.path());
            }
        }
        Ok(pins)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    ignore_missing(fs::remove_file(path))
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(links: &[&str]) -> (tempfile::TempDir, PinFolder) {
        let scratch = tempfile::tempdir().unwrap();
        let pins = PinFolder::at(scratch.path().join("guard"));
        pins.create().unwrap();
        for link in links {
            fs::write(pins.link(link), b"").unwrap();
        }
        (scratch, pins)
    }

    #[test]
    fn folders_are_for_root_alone_even_where_they_stood_before() {
        let (_scratch, pins) = folder_with(&[]);
        fs::set_permissions(pins.root(), Permissions::from_mode(0o755)).unwrap();
        pins.create().unwrap();
        for folder in [pins.root().to_owned(), pins.root().join("maps"), pins.root().join("links")] {
            assert_eq!(
                fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
                0o700,
                "{}",
                folder.display()
            );
        }
    }

    #[test]
    fn every_program_without_a_link_is_missing() {
        let (_scratch, pins) = folder_with(&["file_open"]);
        let missing = pins.missing_links();
        assert!(!missing.contains(&"file_open"));
        assert!(missing.contains(&"socket_connect"));
        assert_eq!(pins.missing_maps().len(), name::ALL.len());
    }

    #[test]
    fn a_replacement_that_was_cut_short_leaves_the_enforcing_link() {
        let (_scratch, pins) = folder_with(&["file_open", "file_open__next"]);
        pins.drop_unfinished().unwrap();
        assert!(pins.link("file_open").exists());
        assert!(!pins.next_link("file_open").exists());
    }

    #[test]
    fn links_of_programs_that_are_gone_are_dropped_and_named() {
        let (_scratch, pins) = folder_with(&["file_open", "file_opened"]);
        assert_eq!(pins.drop_foreign_links().unwrap(), ["file_opened"]);
        assert!(pins.enforces());
    }

    #[test]
    fn teardown_leaves_nothing_and_may_be_repeated() {
        let (_scratch, pins) = folder_with(&["file_open"]);
        pins.teardown().unwrap();
        assert!(!pins.root().exists());
        pins.teardown().unwrap();
    }
}
