//! How far the rings were heard by the daemon before this one. Written at a clean end and used once: after a
//! crash nobody can say what was heard and not recorded, and nothing is claimed.

use guard_common::event::Ring;
use serde::{Deserialize, Serialize};

use super::paths::Paths;
use super::saved;
use crate::model::action::Position;

/// Last positions heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Positions {
    boot: String,
    denies: Vec<Position>,
    allows: Vec<Position>,
}

impl Positions {
    /// What this boot's rings were heard to.
    pub(super) fn new(boot: String, denies: Vec<Position>, allows: Vec<Position>) -> Self {
        Self { boot, denies, allows }
    }

    /// Positions of one ring.
    pub(super) fn of(&self, ring: Ring) -> Vec<Position> {
        match ring {
            Ring::Deny => self.denies.clone(),
            Ring::Allow => self.allows.clone(),
        }
    }

    /// Takes what the daemon before left, if it was of this boot.
    pub(super) fn take(paths: &Paths, boot: &str) -> Option<Self> {
        let path = paths.positions();
        let positions = saved::read::<Self>(&path).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        });
        // Gone before the first event is heard: a crash from now on must not find old positions.
        let _ = std::fs::remove_file(&path);
        positions.filter(|positions| positions.boot == boot)
    }

    /// Leaves them for the next daemon.
    pub(super) fn leave(&self, paths: &Paths) -> std::io::Result<()> {
        saved::write(&paths.positions(), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_used_once_and_only_in_their_own_boot() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let paths = Paths { state: root.clone(), run: root.clone(), socket: root.join("s") };
        let positions = Positions::new("one".to_owned(), vec![Position { cpu: 0, seq: 9 }], Vec::new());
        positions.leave(&paths).unwrap();
        assert_eq!(Positions::take(&paths, "one"), Some(positions.clone()));
        assert_eq!(Positions::take(&paths, "one"), None);
        positions.leave(&paths).unwrap();
        assert_eq!(Positions::take(&paths, "two"), None);
    }
}
