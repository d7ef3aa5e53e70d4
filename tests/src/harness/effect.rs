//! What is looked at from outside to know whether something happened.

use std::collections::BTreeMap;
use std::fs;
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
    /// The unreachable server was reached.
    ReachedOther,
    /// The allowed server was reached.
    ReachedAllowed,
    /// A unix socket that may not be reached was.
    ReachedOtherName,
    /// An allowed unix socket was reached.
    ReachedAllowedName,
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
            Self::ReachedOther
            | Self::ReachedAllowed
            | Self::ReachedOtherName
            | Self::ReachedAllowedName
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
    content: Vec<u8>,
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
            kind if kind.is_file() => fs::read(&path)?,
            _ => Vec::new(),
        };
        let links = if meta.is_dir() { 0 } else { meta.nlink() };
        things.insert(path, Thing { mode: meta.mode(), owner: (meta.uid(), meta.gid()), links, content });
    }
    Ok(Sight::Tree(things))
}

/// Whether the effect lies between two sights, given what the act itself reported.
pub fn happened(effect: &Effect, before: &Sight, after: &Sight, outcome: &Outcome) -> bool {
    match effect {
        Effect::Changed(_)
        | Effect::ReachedOther
        | Effect::ReachedAllowed
        | Effect::ReachedOtherName
        | Effect::ReachedAllowedName => before != after,
        Effect::Told(text) => outcome.out.contains(text),
        Effect::Done => outcome.code == 0 && outcome.signal == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_differs_by_each_of_content_mode_and_name() {
        let top = std::env::temp_dir().join(format!("guard-tests-tree-{}", std::process::id()));
        fs::create_dir_all(&top).expect("temporary folder");
        fs::write(top.join("a"), "one").expect("write");
        let whole = tree(&top).expect("look");
        fs::write(top.join("a"), "two").expect("write");
        assert_ne!(whole, tree(&top).expect("look"));
        fs::write(top.join("a"), "one").expect("write");
        assert_eq!(whole, tree(&top).expect("look"));
        fs::hard_link(top.join("a"), top.join("b")).expect("link");
        assert_ne!(whole, tree(&top).expect("look"));
        fs::remove_dir_all(top).expect("clean");
    }
}
