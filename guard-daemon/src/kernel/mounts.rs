//! What is mounted where, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)). Mounts nothing.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) point: PathBuf,
    pub(super) kind: String,
    /// Which folder of the file system is seen there.
    root: Vec<u8>,
}

/// Where the unified cgroup hierarchy is mounted: alone, or beside version 1 on a hybrid host.
pub(super) fn cgroup2() -> Option<PathBuf> {
    choose(&all(), "cgroup2", Path::new("/sys/fs/cgroup"))
}

/// Whether a BPF file system is mounted at this place.
pub(super) fn bpf_at(point: &Path) -> bool {
    // The last one covers those before it.
    all().iter().rfind(|mount| mount.point == point).is_some_and(|mount| mount.kind == "bpf")
}

/// Whether any file system of that kind is mounted.
pub(super) fn any(kind: &str) -> bool {
    all().iter().any(|mount| mount.kind == kind)
}

fn all() -> Vec<Mount> {
    parse(&std::fs::read("/proc/self/mountinfo").unwrap_or_default())
}

/// The mount of that kind which shows the whole file system, at the usual place where there is a choice.
fn choose(mounts: &[Mount], kind: &str, usual: &Path) -> Option<PathBuf> {
    let whole: Vec<_> = mounts.iter().filter(|mount| mount.kind == kind && mount.root == b"/").collect();
    let at_usual = whole.iter().find(|mount| mount.point == usual);
    at_usual
        .or_else(|| whole.iter().find(|mount| mount.point.starts_with(usual)))
        .or(whole.first())
        .map(|mount| mount.point.clone())
}

fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let root = unescape(fields.nth(3)?);
    let point = unescape(fields.next()?);
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some(Mount {
        point: PathBuf::from(OsString::from_vec(point)),
        kind: String::from_utf8_lossy(kind).into_owned(),
        root,
    })
}

/// Space, tab, newline and backslash are written as `\ooo`.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.first_chunk::<3>().and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            Some(_) | None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
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
        choose(&parse(text.as_bytes()), "cgroup2", Path::new("/sys/fs/cgroup"))
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

    #[test]
    fn spaces_in_mount_points_are_understood() {
        let mounts = parse(b"1 2 0:3 / /mnt/a\\040b\\134c rw - tmpfs t rw\n");
        assert_eq!(mounts[0].point, PathBuf::from("/mnt/a b\\c"));
    }

    #[test]
    fn torn_lines_are_passed_over() {
        assert_eq!(parse(b"1 2\n\n1 2 0:3 / /mnt rw -\n"), []);
    }
}
