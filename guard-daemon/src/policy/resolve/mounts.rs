//! The mounts of this namespace, as the resolving of roots asks for them.

use std::collections::BTreeSet;
use std::io;

use crate::mountinfo::{self, Mount};

/// Every mount, in the order in which they were made.
pub(super) struct Mounts {
    mounts: Vec<Mount>,
    whole: BTreeSet<u32>,
}

impl Mounts {
    pub(super) fn read() -> io::Result<Self> {
        Ok(Self::of(mountinfo::read()?))
    }

    fn of(mounts: Vec<Mount>) -> Self {
        let whole = mounts.iter().filter(|mount| mount.is_whole()).map(|mount| mount.dev).collect();
        Self { mounts, whole }
    }

    pub(super) fn by_id(&self, id: u64) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.id == id)
    }

    /// The mounts whose roots end a walk: of whole file systems, and of parts whose whole is mounted nowhere. A
    /// part of a file system that is also mounted whole changes nothing.
    pub(super) fn ends(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().filter(|mount| mount.is_whole() || !self.whole.contains(&mount.dev))
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn a_part_ends_a_walk_only_where_the_whole_is_mounted_nowhere() {
        let text = b"1 0 8:1 / / rw - ext4 a rw\n2 1 8:1 /srv /bind rw - ext4 a rw\n\
            3 1 0:9 /@ /data rw - btrfs b rw\n";
        let points: Vec<PathBuf> =
            Mounts::of(mountinfo::parse(text)).ends().map(|mount| mount.point.clone()).collect();
        assert_eq!(points, [Path::new("/"), Path::new("/data")]);
    }
}
