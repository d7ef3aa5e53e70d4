//! What is mounted where, from `/proc/self/mountinfo`. Parses whatever bytes it gets; a line that is none is
//! passed over.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One mount of this namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) id: u64,
    /// The file system's device number, the kernel's form.
    pub(super) dev: u32,
    /// The file system's directory that is mounted: `/` is the whole.
    pub(super) root: PathBuf,
    pub(super) point: PathBuf,
    pub(super) fstype: String,
}

/// Every mount, in the order in which they were made.
pub(super) struct Mounts {
    mounts: Vec<Mount>,
    whole: BTreeSet<u32>,
}

impl Mounts {
    pub(super) fn read() -> io::Result<Self> {
        Ok(Self::parse(&std::fs::read("/proc/self/mountinfo")?))
    }

    pub(super) fn parse(text: &[u8]) -> Self {
        let mounts: Vec<Mount> = text.split(|byte| *byte == b'\n').filter_map(mount).collect();
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

impl Mount {
    fn is_whole(&self) -> bool {
        self.root.as_os_str() == "/"
    }
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw` (proc(5)).
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = number(fields.next()?)?;
    let _parent = fields.next()?;
    let (major, minor) = split(fields.next()?, b':')?;
    let dev = (u32::try_from(number(major)?).ok()? << 20) | u32::try_from(number(minor)?).ok()?;
    let root = unescape(fields.next()?);
    let point = unescape(fields.next()?);
    let _options = fields.next()?;
    let fstype = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some(Mount { id, dev, root, point, fstype: String::from_utf8_lossy(fstype).into_owned() })
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = bytes.iter().position(|byte| *byte == at)?;
    Some((&bytes[..position], &bytes[position + 1..]))
}

/// `\040` is a space: the kernel writes spaces, tabs, newlines and backslashes as three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        match tail {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] if *first == b'\\' => {
                plain.push(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'));
                rest = after;
            }
            _ => {
                plain.push(*first);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_line_of_mountinfo_is_read_whole() {
        let text = b"36 35 98:1 / /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n\
            37 36 0:40 /sub /home rw - btrfs /dev/sdb rw\nnonsense\n\n";
        let mounts = Mounts::parse(text);
        let first = mounts.by_id(36).unwrap();
        assert_eq!((first.dev, first.fstype.as_str()), ((98 << 20) | 1, "ext3"));
        assert_eq!(first.point, Path::new("/mnt/a b"));
        assert_eq!(mounts.mounts.len(), 2);
    }

    #[test]
    fn a_part_ends_a_walk_only_where_the_whole_is_mounted_nowhere() {
        let text = b"1 0 8:1 / / rw - ext4 a rw\n2 1 8:1 /srv /bind rw - ext4 a rw\n\
            3 1 0:9 /@ /data rw - btrfs b rw\n";
        let points: Vec<PathBuf> = Mounts::parse(text).ends().map(|mount| mount.point.clone()).collect();
        assert_eq!(points, [Path::new("/"), Path::new("/data")]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(0_u8..=255, 0..400)) {
            Mounts::parse(&text);
            unescape(&text);
        }
    }
}
