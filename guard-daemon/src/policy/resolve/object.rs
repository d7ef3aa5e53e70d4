//! A path's object as the kernel's walk will see it. Follows symbolic links, opens nothing for reading.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use guard_common::map::zone::DEV_OF_DIRECTORY;

use super::mounts::Mounts;
use crate::mountinfo::Mount;
use crate::policy::rows::InodeKey;

/// File systems whose directories keep their inode numbers while nobody has them in use.
const STABLE: &[&str] = &[
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "f2fs",
    "zfs",
    "jfs",
    "reiserfs",
    "nilfs2",
    "bcachefs",
    "squashfs",
    "erofs",
    "iso9660",
    "tmpfs",
    "ramfs",
    "devtmpfs",
    "devpts",
    "sysfs",
    "cgroup",
    "cgroup2",
    "bpf",
    "debugfs",
    "tracefs",
    "securityfs",
    "pstore",
    "efivarfs",
    "configfs",
    "hugetlbfs",
    "mqueue",
    "nfs",
    "nfs4",
];

/// An object that exists.
pub(super) struct Object {
    pub(super) key: InodeKey,
    /// Its path without symbolic links.
    pub(super) path: PathBuf,
    /// The mount that the path leads through; `None` where the kernel names none that is known.
    pub(super) mount: Option<u64>,
    /// Why the number may come to mean another object, or several.
    pub(super) doubt: Option<String>,
    /// Whether another object of the same file system may have the same number.
    pub(super) is_shared: bool,
    /// Whether the number stays the object's while nobody has it open.
    pub(super) is_stable: bool,
    pub(super) handle: OwnedFd,
}

/// Finds a path's object.
pub(super) fn find(path: &Path, mounts: &Mounts) -> io::Result<Object> {
    of(open(path)?, mounts)
}

/// Whether an object may be there, and no more can be opened.
pub(super) fn is_for_want_of_handles(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(nix::libc::EMFILE | nix::libc::ENFILE))
}

/// An object that is open already.
pub(super) fn of(file: File, mounts: &Mounts) -> io::Result<Object> {
    let metadata = file.metadata()?;
    let fd = file.as_raw_fd();
    let of_stat = kernel_dev(metadata.dev());
    let mount = mount_id(fd);
    let known = mount.and_then(|id| mounts.by_id(id));
    let is_shared =
        !metadata.is_dir() && known.is_some_and(|mount| mount.fstype == "overlay" && mount.dev != of_stat);
    // The superblock's number is what the kernel's walk sees; `stat` shows another for btrfs' subvolumes.
    let dev = known.map_or(of_stat, |mount| mount.dev);
    let kind = if metadata.is_dir() { DEV_OF_DIRECTORY } else { 0 };
    let path = fs::read_link(format!("/proc/self/fd/{fd}"))?;
    Ok(Object {
        key: (dev | kind, metadata.ino()),
        mount,
        doubt: known.and_then(|mount| doubt(mount, of_stat, is_shared)),
        is_shared,
        // A mount holds its own root; a handle would only keep it from being unmounted. A file's number is used
        // again at once when the file is replaced, as `/etc/shadow` is at every change.
        is_stable: known.is_some_and(|mount| {
            mount.point == path || (metadata.is_dir() && STABLE.contains(&mount.fstype.as_str()))
        }),
        handle: OwnedFd::from(file),
        path,
    })
}

fn doubt(mount: &Mount, of_stat: u32, is_shared: bool) -> Option<String> {
    let point = mount.point.display();
    if is_shared {
        return Some(format!(
            "{point}: this overlay's layers number their files apart (mount it with xino=on): single files are known \
             there by the names that the policy gives, and not by other hard links"
        ));
    }
    (mount.fstype == "btrfs" && mount.dev != of_stat).then(|| {
        format!("{point}: btrfs gives the same inode numbers in every subvolume; a mark may hit objects of another")
    })
}

/// Opens a path for nothing but its identity. Does not set off automounts.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(nix::libc::O_PATH | nix::libc::O_CLOEXEC).open(path)
}

/// A device number as the kernel keeps it: 12 bits of major, 20 of minor.
fn kernel_dev(dev: u64) -> u32 {
    (nix::libc::major(dev) << 20) | (nix::libc::minor(dev) & 0xf_ffff)
}

fn mount_id(fd: i32) -> Option<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    info.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok())
}

/// Where a symbolic link that leads nowhere would lead; `None` where the path is no link.
pub(super) fn link_target(path: &Path) -> Option<PathBuf> {
    let target = fs::read_link(path).ok()?;
    Some(path.parent().unwrap_or(Path::new("/")).join(target))
}
