//! Acts on names: of files, folders and mounts, in a folder of the probe's own.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, mknod, utimensat};
use nix::sys::time::TimeSpec;
use rustix::fs::XattrFlags;
use rustix::mount as mounts;

use super::act::Turn;
use super::raw;
use super::scene::Scene;

const ATTRIBUTE: &str = "user.guard";
const ACCESS_LIST: &str = "system.posix_acl_access";

pub(super) fn truncate(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    Ok(nix::unistd::truncate(&scene.file("truncate", turn), 0)?)
}

pub(super) fn unlink(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    fs::remove_file(scene.file("unlink", turn))
}

pub(super) fn rename(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    fs::rename(scene.file("rename", turn), scene.fresh("renamed", turn))
}

pub(super) fn link(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    fs::hard_link(scene.file("link", turn), scene.fresh("linked", turn))
}

pub(super) fn symlink(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    std::os::unix::fs::symlink("nowhere", scene.fresh("symlink", turn))
}

pub(super) fn make_folder(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    fs::create_dir(scene.fresh("mkdir", turn))
}

pub(super) fn remove_folder(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    fs::remove_dir(scene.folder("rmdir", turn))
}

pub(super) fn make_pipe(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    Ok(mknod(&scene.fresh("mknod", turn), SFlag::S_IFIFO, Mode::S_IRUSR, 0)?)
}

pub(super) fn change_mode(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    fs::set_permissions(scene.file("chmod", turn), fs::Permissions::from_mode(0o640))
}

pub(super) fn change_owner(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    chown(scene.file("chown", turn), Some(0), Some(0))
}

pub(super) fn change_times(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    let (file, time) = (scene.file("times", turn), TimeSpec::new(1, 0));
    Ok(utimensat(nix::fcntl::AT_FDCWD, &file, &time, &time, UtimensatFlags::FollowSymlink)?)
}

pub(super) fn set_attribute(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    Ok(rustix::fs::setxattr(scene.file("xattr", turn), ATTRIBUTE, b"probe", XattrFlags::empty())?)
}

pub(super) fn remove_attribute(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    Ok(rustix::fs::removexattr(scene.file("xattr", turn), ATTRIBUTE)?)
}

pub(super) fn set_acl(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    // Version 2; owner, group and others may read: (tag, permissions, nobody).
    let mut list = 2_u32.to_le_bytes().to_vec();
    for tag in [1_u16, 4, 32] {
        list.extend([tag.to_le_bytes(), 4_u16.to_le_bytes(), [0xff; 2], [0xff; 2]].concat());
    }
    Ok(rustix::fs::setxattr(scene.file("acl", turn), ACCESS_LIST, &list, XattrFlags::empty())?)
}

pub(super) fn remove_acl(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    Ok(rustix::fs::removexattr(scene.file("acl", turn), ACCESS_LIST)?)
}

pub(super) fn set_flags(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    let path = scene.file("flags", turn);
    raw::set_file_attributes(&std::ffi::CString::new(path.as_os_str().as_bytes())?)
}

pub(super) fn mount(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    mount_at(&scene.folder("mount", turn))
}

/// An empty file system in memory.
pub(super) fn mount_at(folder: &Path) -> io::Result<()> {
    let none: Option<&str> = None;
    Ok(nix::mount::mount(Some("guard"), folder, Some("tmpfs"), MsFlags::empty(), none)?)
}

pub(super) fn unmount(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    Ok(umount2(&scene.folder("umount", turn), MntFlags::MNT_DETACH)?)
}

pub(super) fn remount(scene: &mut Scene, _: Turn) -> io::Result<()> {
    Ok(mounts::fsconfig_reconfigure(&scene.own_mounts()?.picked)?)
}

/// The same place twice: nothing comes of it but the question.
pub(super) fn pivot(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    let place = scene.folder("pivot", turn);
    Ok(nix::unistd::pivot_root(&place, &place)?)
}

/// Mounted nowhere: what asks about a mount's place is not asked.
pub(super) fn make_file_system(_: &mut Scene, _: Turn) -> io::Result<()> {
    let made = mounts::fsopen("tmpfs", mounts::FsOpenFlags::FSOPEN_CLOEXEC)?;
    Ok(mounts::fsconfig_create(made)?)
}

pub(super) fn move_mount(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    let target = scene.folder("move", turn);
    let tree = &scene.own_mounts()?.trees[turn as usize];
    let flags = mounts::MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    Ok(mounts::move_mount(tree, "", rustix::fs::CWD, &target, flags)?)
}
