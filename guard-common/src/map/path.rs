//! The path of a directory, as events tell it.

/// Longest path that is kept, in bytes, every name's end included: a power of two less one.
pub const PATH_KEPT_MAX: usize = 255;

/// A directory's path, kept so that it is not walked for anew for each name that is told in it. Holds for the very
/// mount, directory and epoch that it was found under, and as long as no mount of its namespace comes or goes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FolderPath {
    /// Odd while somebody writes; another number after each writing.
    pub version: u64,
    /// Address of the mount that the directory is seen through; 0 where nothing is kept.
    pub mount: u64,
    /// The last change of the mounts of its namespace: a number that the kernel gives once.
    pub mounts: u64,
    /// The directory's epoch, read before the walk.
    pub epoch: u64,
    /// The directory's inode number.
    pub ino: u64,
    /// Hash of its name, as the kernel keeps it.
    pub name: u32,
    /// Bytes of `text` that count.
    pub len: u32,
    /// Names from the directory's own outward, each followed by NUL.
    pub text: [u8; PATH_KEPT_MAX + 1],
}

const _: () = assert!(size_of::<FolderPath>() == 304);
