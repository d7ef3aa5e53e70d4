//! Which of the file systems that guard needs are mounted, and where. Mounts nothing.

use std::path::{Path, PathBuf};

use crate::mountinfo::{self, Mount};

/// Where the unified cgroup hierarchy is mounted: alone, or beside version 1 on a hybrid host.
pub(super) fn cgroup2() -> Option<PathBuf> {
    choose(&all(), "cgroup2", Path::new("/sys/fs/cgroup"))
}

/// Whether a BPF file system is mounted at this place.
pub(super) fn bpf_at(point: &Path) -> bool {
    // The last one covers those before it.
    all().iter().rfind(|mount| mount.point == point).is_some_and(|mount| mount.fstype == "bpf")
}

/// Whether any file system of that kind is mounted.
pub(super) fn any(kind: &str) -> bool {
    all().iter().any(|mount| mount.fstype == kind)
}

fn all() -> Vec<Mount> {
    mountinfo::read().unwrap_or_default()
}

/// The mount of that kind which shows the whole file system, at the usual place where there is a choice.
fn choose(mounts: &[Mount], kind: &str, usual: &Path) -> Option<PathBuf> {
    let whole: Vec<_> = mounts.iter().filter(|mount| mount.fstype == kind && mount.is_whole()).collect();
    let at_usual = whole.iter().find(|mount| mount.point == usual);
    at_usual
        .or_else(|| whole.iter().find(|mount| mount.point.starts_with(usual)))
        .or(whole.first())
        .map(|mount| mount.point.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIFIED: &str = "24 30 0:22 / /sys/fs/bpf rw - bpf bpf rw\n\
        26 25 0:24 /some/part /mnt/part rw - cgroup2 cgroup2 rw\n\
        27 25 0:24 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    const HYBRID: &str = "26 25 0:23 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n\
        27 26 0:24 / /sys/fs/cgroup/unified rw shared:10 master:1 - cgroup2 cgroup2 rw\n\
        28 26 0:25 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

    fn found(text: &str) -> Option<PathBuf> {
        choose(&mountinfo::parse(text.as_bytes()), "cgroup2", Path::new("/sys/fs/cgroup"))
    }

    #[test]
    fn the_unified_hierarchy_is_found_alone_and_beside_version_1() {
        assert_eq!(found(UNIFIED), Some(PathBuf::from("/sys/fs/cgroup")));
        assert_eq!(found(HYBRID), Some(PathBuf::from("/sys/fs/cgroup/unified")));
    }

    #[test]
    fn a_part_of_the_hierarchy_is_not_the_hierarchy() {
        assert_eq!(found("26 25 0:24 /part /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"), None);
        assert_eq!(found(""), None);
    }
}
