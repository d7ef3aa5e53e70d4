//! Ways to a file's content and attributes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat};
use nix::unistd::{Gid, Uid, chown, fchown, fchownat};

use super::{Args, Trick};

/// What an attack leaves in a file.
pub const CHANGED: &[u8] = b"changed by the attack\n";

/// See the module.
pub const TRICKS: &[(&str, Trick)] = &[
    ("read", |a, out| read(a.path(0)?, out)),
    ("write", |a, _| write(a.path(0)?, OFlag::O_WRONLY)),
    ("read-write", |a, _| write(a.path(0)?, OFlag::O_RDWR)),
    ("append", |a, _| write(a.path(0)?, OFlag::O_WRONLY | OFlag::O_APPEND)),
    ("write-truncating", |a, _| write(a.path(0)?, OFlag::O_WRONLY | OFlag::O_TRUNC)),
    ("create", |a, _| write(a.path(0)?, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC)),
    ("create-new", |a, _| write(a.path(0)?, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL)),
    ("read-truncating", |a, _| {
        open(a.path(0)?, OFlag::O_RDONLY | OFlag::O_TRUNC, Mode::empty()).map(drop).map_err(Into::into)
    }),
    ("read-creating", |a, _| {
        open(a.path(0)?, OFlag::O_RDONLY | OFlag::O_CREAT, Mode::S_IRUSR).map(drop).map_err(Into::into)
    }),
    ("tmpfile", |a, _| tmpfile(a.path(0)?, a.path(1)?)),
    ("openat2", |a, _| write_openat2(a.path(0)?)),
    ("reopen", |a, _| reopen(a.path(0)?)),
    ("truncate", |a, _| nix::unistd::truncate(a.path(0)?, 1).map_err(Into::into)),
    ("chmod", |a, _| {
        std::fs::set_permissions(a.path(0)?, std::os::unix::fs::PermissionsExt::from_mode(0o700))
    }),
    ("fchmod", |a, _| Ok(fchmod(File::open(a.path(0)?)?, Mode::S_IRWXU)?)),
    ("fchmodat", |a, _| Ok(fchmodat(AT_FDCWD, a.path(0)?, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?)),
    ("chown", |a, _| Ok(chown(a.path(0)?, None, Some(group(a)?))?)),
    ("lchown", |a, _| {
        Ok(fchownat(AT_FDCWD, a.path(0)?, None, Some(group(a)?), AtFlags::AT_SYMLINK_NOFOLLOW)?)
    }),
    ("fchown", |a, _| Ok(fchown(File::open(a.path(0)?)?, None::<Uid>, Some(group(a)?))?)),
];

fn group(args: &Args) -> io::Result<Gid> {
    args.parsed(1).map(Gid::from_raw)
}

fn read(path: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut content = Vec::new();
    File::open(path)?.read_to_end(&mut content)?;
    out.write_all(&content)
}

fn write(path: &Path, flags: OFlag) -> io::Result<()> {
    File::from(open(path, flags, Mode::from_bits_truncate(0o644))?).write_all(CHANGED)
}

fn write_openat2(path: &Path) -> io::Result<()> {
    let how = OpenHow::new().flags(OFlag::O_WRONLY).resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    File::from(openat2(AT_FDCWD, path, how)?).write_all(CHANGED)
}

/// An O_PATH open asks nobody; the second open goes through `/proc`.
fn reopen(path: &Path) -> io::Result<()> {
    let handle = OpenOptions::new().read(true).custom_flags(OFlag::O_PATH.bits()).open(path)?;
    write(Path::new(&format!("/proc/self/fd/{}", handle.as_raw_fd())), OFlag::O_WRONLY)
}

/// A file without a name, then a name for it.
fn tmpfile(folder: &Path, name: &Path) -> io::Result<()> {
    let mode = Mode::from_bits_truncate(0o644);
    let mut file = File::from(open(folder, OFlag::O_TMPFILE | OFlag::O_WRONLY, mode)?);
    file.write_all(CHANGED)?;
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    nix::unistd::linkat(AT_FDCWD, source.as_str(), AT_FDCWD, name, AtFlags::AT_SYMLINK_FOLLOW)?;
    Ok(())
}
