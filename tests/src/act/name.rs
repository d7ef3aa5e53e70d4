//! Ways to names: making, moving and removing them.

use std::os::unix::fs::symlink;
use std::path::Path;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::Trick;

/// See the module.
pub const TRICKS: &[(&str, Trick)] = &[
    ("unlink", |a, _| std::fs::remove_file(a.path(0)?)),
    ("unlinkat", |a, _| {
        let path = a.path(0)?;
        let folder = std::fs::File::open(path.parent().unwrap_or(Path::new("/")))?;
        let name = path.file_name().unwrap_or_default();
        Ok(unlinkat(folder, name, UnlinkatFlags::NoRemoveDir)?)
    }),
    ("rename", |a, _| std::fs::rename(a.path(0)?, a.path(1)?)),
    ("rename-noreplace", |a, _| rename(a.path(0)?, a.path(1)?, RenameFlags::RENAME_NOREPLACE)),
    ("rename-exchange", |a, _| rename(a.path(0)?, a.path(1)?, RenameFlags::RENAME_EXCHANGE)),
    ("link", |a, _| std::fs::hard_link(a.path(0)?, a.path(1)?)),
    ("link-and-write", |a, _| {
        std::fs::hard_link(a.path(0)?, a.path(1)?)?;
        std::fs::write(a.path(1)?, super::file::CHANGED)
    }),
    ("symlink", |a, _| symlink(a.path(0)?, a.path(1)?)),
    ("mkdir", |a, _| std::fs::create_dir(a.path(0)?)),
    ("rmdir", |a, _| std::fs::remove_dir(a.path(0)?)),
    ("mkfifo", |a, _| Ok(nix::unistd::mkfifo(a.path(0)?, Mode::S_IRWXU)?)),
    ("mknod", |a, _| Ok(mknod(a.path(0)?, SFlag::S_IFREG, Mode::S_IRWXU, 0)?)),
    ("mknod-device", |a, _| {
        Ok(mknod(a.path(0)?, SFlag::S_IFCHR, Mode::S_IRWXU, nix::sys::stat::makedev(1, 3))?)
    }),
    ("bind-unix", |a, _| {
        let fd = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None)?;
        Ok(bind(std::os::fd::AsRawFd::as_raw_fd(&fd), &UnixAddr::new(a.path(0)?)?)?)
    }),
];

fn rename(from: &Path, to: &Path, flags: RenameFlags) -> std::io::Result<()> {
    Ok(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags)?)
}
