//! What is looked at from outside to know whether something happened.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::fixture::Spot;
use crate::act::count::Counts;
use crate::act::serve::Outcome;

/// An effect, and where it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Something in this tree is not as it was: a name, a content, a mode, an owner, a time, an attribute.
    Changed(String),
    /// This file of the kernel's says something else than before.
    Says(&'static str),
    /// The unreachable server was reached.
    ReachedOther,
    /// The allowed server was reached.
    ReachedAllowed,
    /// A unix socket that may not be reached was.
    ReachedOtherName,
    /// An allowed unix socket was reached.
    ReachedAllowedName,
    /// Something became of the bystander.
    Bystander,
    /// A counter of the kernel's that the unreachable server runs on, by its name in /proc/net/snmp or snmp6.
    Counted(&'static str),
    /// The act showed this text.
    Told(&'static str),
    /// The act came to its end without an error; only for steps whose effect is nothing but that.
    Done,
}

impl Effect {
    /// Something below a folder changed.
    pub fn changed(folder: &str) -> Self {
        Self::Changed(folder.to_owned())
    }

    /// The same effect at a place.
    #[must_use]
    pub fn at(&self, spot: Spot) -> Self {
        match self {
            Self::Changed(top) => Self::Changed(spot.filled(top)),
            Self::Says(_)
            | Self::ReachedOther
            | Self::ReachedAllowed
            | Self::ReachedOtherName
            | Self::ReachedAllowedName
            | Self::Bystander
            | Self::Counted(_)
            | Self::Told(_)
            | Self::Done => self.clone(),
        }
    }
}

/// What a tree, or the servers, looked like at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Every object of a tree.
    Tree(BTreeMap<PathBuf, Thing>),
    /// What the kernel, a bystander or a counter says.
    Text(String),
    /// A server's counts.
    Counts(Counts),
    /// Nothing to look at but the outcome.
    Nothing,
}

/// One object as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    mode: u32,
    owner: (u32, u32),
    links: u64,
    modified: (i64, i64),
    content: Vec<u8>,
    more: More,
}

/// What no plain look shows: extended attributes and the file system's own flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct More {
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    flags: u32,
}

impl More {
    fn of(path: &Path) -> Self {
        // File systems without them have none.
        let flags = File::open(path).ok().and_then(|file| rustix::fs::ioctl_getflags(file).ok());
        let value = |name: &[u8]| read_whole(|space| rustix::fs::lgetxattr(path, name, space));
        let names = read_whole(|space| rustix::fs::llistxattr(path, space));
        let attributes = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Self {
            attributes: attributes.map(|name| (name.to_vec(), value(name))).collect(),
            flags: flags.map_or(0, |flags| flags.bits()),
        }
    }
}

/// What a call leaves in the space that it is lent.
fn read_whole(mut call: impl FnMut(&mut [u8]) -> rustix::io::Result<usize>) -> Vec<u8> {
    let mut space = vec![0; 4096];
    let length = call(&mut space).unwrap_or_default();
    space.truncate(length);
    space
}

/// Looks at a tree.
pub fn tree(top: &Path) -> Result<Sight> {
    let mut things = BTreeMap::new();
    let mut todo = vec![top.to_owned()];
    while let Some(path) = todo.pop() {
        // What is gone while it is being looked at is not there.
        let Ok(meta) = path.symlink_metadata() else { continue };
        let content = match meta.file_type() {
            kind if kind.is_dir() => {
                for entry in fs::read_dir(&path)? {
                    todo.push(entry?.path());
                }
                Vec::new()
            }
            kind if kind.is_symlink() => fs::read_link(&path)?.into_os_string().into_encoded_bytes(),
            // Kernel file systems have files that nobody can read: their names say enough.
            kind if kind.is_file() => fs::read(&path).unwrap_or_default(),
            _ => Vec::new(),
        };
        let links = if meta.is_dir() { 0 } else { meta.nlink() };
        let modified = (meta.mtime(), meta.mtime_nsec());
        let more = if meta.is_file() || meta.is_dir() { More::of(&path) } else { More::default() };
        let owner = (meta.uid(), meta.gid());
        things.insert(path, Thing { mode: meta.mode(), owner, links, modified, content, more });
    }
    Ok(Sight::Tree(things))
}

/// Whether the effect lies between two sights, given what the act itself reported.
pub fn happened(effect: &Effect, before: &Sight, after: &Sight, outcome: &Outcome) -> bool {
    match effect {
        Effect::Changed(_)
        | Effect::Says(_)
        | Effect::ReachedOther
        | Effect::ReachedAllowed
        | Effect::ReachedOtherName
        | Effect::ReachedAllowedName
        | Effect::Bystander
        | Effect::Counted(_) => before != after,
        Effect::Told(text) => outcome.out.contains(text),
        Effect::Done => outcome.code == 0 && outcome.signal == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_differs_by_each_of_content_name_and_time() {
        let top = std::env::temp_dir().join(format!("guard-tests-tree-{}", std::process::id()));
        fs::create_dir_all(&top).expect("temporary folder");
        fs::write(top.join("a"), "one").expect("write");
        let whole = tree(&top).expect("look");
        assert_eq!(whole, tree(&top).expect("look"));
        let time = File::open(top.join("a")).and_then(|file| file.metadata()?.modified()).expect("time");
        let set_time = |time| {
            File::options()
                .write(true)
                .open(top.join("a"))
                .and_then(|file| file.set_modified(time))
                .expect("set");
        };
        fs::write(top.join("a"), "two").expect("write");
        set_time(time);
        assert_ne!(whole, tree(&top).expect("look"));
        fs::write(top.join("a"), "one").expect("write");
        set_time(time);
        assert_eq!(whole, tree(&top).expect("look"));
        set_time(std::time::UNIX_EPOCH);
        assert_ne!(whole, tree(&top).expect("look"));
        set_time(time);
        fs::hard_link(top.join("a"), top.join("b")).expect("link");
        assert_ne!(whole, tree(&top).expect("look"));
        fs::remove_dir_all(top).expect("clean");
    }
}
