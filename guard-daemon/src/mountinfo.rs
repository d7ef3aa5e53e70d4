//! What is mounted where, as `/proc/self/mountinfo` says it (proc_pid_mountinfo(5)). Takes whatever bytes it gets; a line
//! that is none is passed over. Mounts nothing.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One mount of this namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) id: u64,
    /// The file system's device number, the kernel's form.
    pub(crate) dev: u32,
    /// The file system's directory that is mounted: `/` is the whole.
    pub(crate) root: PathBuf,
    pub(crate) point: PathBuf,
    pub(crate) fstype: String,
}

impl Mount {
    /// Whether all of the file system is seen there.
    pub(crate) fn is_whole(&self) -> bool {
        self.root == Path::new("/")
    }
}

/// Every mount, in the order in which they were made.
pub(crate) fn read() -> io::Result<Vec<Mount>> {
    Ok(parse(&std::fs::read("/proc/self/mountinfo")?))
}

/// The mounts that such a text names.
pub(crate) fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`.
fn line(line: &[u8]) -> Option<Mount> {
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

    #[test]
    fn a_line_is_read_whole() {
        let text = b"36 35 98:1 / /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n\
            37 36 0:40 /sub /home rw - btrfs /dev/sdb rw\n";
        let [first, second] = &parse(text)[..] else { panic!("two mounts") };
        assert_eq!((first.id, first.dev, first.fstype.as_str()), (36, (98 << 20) | 1, "ext3"));
        assert_eq!(first.point, Path::new("/mnt/a b"));
        assert!(first.is_whole() && !second.is_whole());
    }

    #[test]
    fn spaces_and_backslashes_in_mount_points_are_understood() {
        let mounts = parse(b"1 2 0:3 / /mnt/a\\040b\\134c rw - tmpfs t rw\n");
        assert_eq!(mounts[0].point, Path::new("/mnt/a b\\c"));
    }

    #[test]
    fn torn_lines_are_passed_over() {
        assert_eq!(parse(b"1 2\n\nnonsense\n1 2 0:3 / /mnt rw -\n"), []);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(0_u8..=255, 0..400)) {
            parse(&text);
            unescape(&text);
        }
    }
}
