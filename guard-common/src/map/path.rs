//! The path of a directory, as events tell it.

use crate::limits::FOLDER_PATHS_MAX;

/// Longest path that is kept, in bytes, every name's end included. A mask as well: a power of two less one.
pub const PATH_KEPT_MAX: usize = 255;

/// What a directory's path holds for: this mount, directory and epoch, and no change of the mounts about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FolderKey {
    /// Address of the mount that the directory is seen through; 0 where nothing is kept.
    pub mount: u64,
    /// The last change of mounts in that mount's namespace (`event` of `struct mnt_namespace`).
    pub mounts_event: u64,
    /// The directory's epoch, read before the walk.
    pub epoch: u64,
    /// The directory's inode number.
    pub ino: u64,
}

impl FolderKey {
    /// Row of the directory in the map.
    #[inline(always)]
    pub const fn row(&self) -> u32 {
        // An odd constant without a pattern: neighbouring numbers end far apart.
        let mixed = (self.ino ^ self.mount.rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 48) as u32 & (FOLDER_PATHS_MAX - 1)
    }
}

/// A directory's path, kept so that it is not walked for anew for each name that is told in it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FolderPath {
    /// Odd while somebody writes; another number after each writing.
    pub version: u64,
    /// What it holds for.
    pub key: FolderKey,
    /// Bytes of `text` that count.
    pub len: u64,
    /// Names from the directory's own outward, each followed by NUL.
    pub text: [u8; PATH_KEPT_MAX + 1],
}

const _: () = {
    assert!(size_of::<FolderPath>() == 304);
    assert!(FOLDER_PATHS_MAX.is_power_of_two() && (PATH_KEPT_MAX + 1).is_power_of_two());
};
