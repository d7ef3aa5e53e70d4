//! Programs by the digest of their content, wherever they lie.

/// A digest in one policy generation. Its row is a [`super::zone::Mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct DigestKey {
    /// Generation slot.
    pub slot: u32,
    /// SHA-256.
    pub sha256: [u8; 32],
}

/// The content that a task is about to run, kept by the task. Measured by a program that may sleep, judged by one that
/// may not.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Measured {
    /// Inode number.
    pub ino: u64,
    /// The kernel's device number.
    pub dev: u32,
    /// 1 where the digest is one.
    pub is_whole: u32,
    /// SHA-256.
    pub sha256: [u8; 32],
}

const _: () = {
    assert!(size_of::<DigestKey>() == 36);
    assert!(size_of::<Measured>() == 48);
};
