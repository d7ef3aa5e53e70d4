//! Where an object is: marks on inodes, rules on names, and the verdict of a walk kept per inode.

use crate::limits::{CHILD_NAME_LEN_MAX, NAME_RULE_LEN_MAX};
use crate::wire_enum;

/// Set in the device number of a directory's key. Overlay file systems without `xino` number directories and
/// files apart from each other: the same number is a directory of the policy and a file of nobody's.
pub const DEV_OF_DIRECTORY: u32 = 1 << 31;

/// A marked inode in one policy generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct MarkKey {
    /// Inode number.
    pub ino: u64,
    /// The kernel's device number, `(major << 20) | minor`, with [`DEV_OF_DIRECTORY`].
    pub dev: u32,
    /// Generation slot.
    pub slot: u32,
}

/// What a mark says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Mark {
    /// Zone of everything at and below, or 0: the mark only carries flags, and the walk goes on.
    pub zone: u16,
    /// `MARK_*` bits.
    pub flags: u16,
}

/// Below this directory stands a [`ChildKey`] rule for a name that did not exist at load.
pub const MARK_HAS_CHILDREN: u16 = 1;

/// Below this directory lies the root of a zone that fewer may write.
pub const MARK_HOLDS_ROOT: u16 = 2;

/// A name under a marked directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct ChildKey {
    /// The directory's inode number.
    pub ino: u64,
    /// The directory's device.
    pub dev: u32,
    /// Generation slot.
    pub slot: u32,
    /// The name, NUL-padded.
    pub name: [u8; CHILD_NAME_LEN_MAX],
}

/// An object that an instance's launcher gave it open: its standard input, output and error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct GivenKey {
    /// Inode number.
    pub ino: u64,
    /// The kernel's device number, `(major << 20) | minor`.
    pub dev: u32,
    /// Instance's slot.
    pub agent: u32,
}

wire_enum! {
    /// How a name rule matches.
    pub enum NameKind: u8 {
        /// The whole name, of a file or of any directory above it: `.ssh`.
        Exact = 0 => "exact",
        /// The name's end, of the object itself only: `*.pem`.
        Suffix = 1 => "suffix",
        /// The name's start, of the object itself only: `.env.*`.
        Prefix = 2 => "prefix",
    }
}

/// A name rule in one policy generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct NameKey {
    /// Generation slot.
    pub slot: u16,
    /// [`NameKind`].
    pub kind: u8,
    /// Bytes of `name` that count, 1 to 32.
    pub len: u8,
    /// The rule's text without `*`, NUL-padded.
    pub name: [u8; NAME_RULE_LEN_MAX],
}

/// Which lengths occur among the name rules of one generation, so that other names cost nothing.
/// Bit `n` stands for length `n`, 1 to 32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct NameLengths {
    /// Lengths of exact rules.
    pub exact: u64,
    /// Lengths of suffix rules.
    pub suffix: u64,
    /// Lengths of prefix rules.
    pub prefix: u64,
}

/// A walk's result, kept on the inode. Holds only for the very name it was found under: an inode with
/// several names, or one that was moved, is walked for again. Never changed in place: a reader on another CPU
/// would see half of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Cached {
    /// Policy generation of the walk.
    pub generation: u64,
    /// Epoch read before the walk began.
    pub epoch: u64,
    /// Inode number of the directory that the name stands in.
    pub parent_ino: u64,
    /// The name's hash and length, as the kernel keeps them.
    pub name: u64,
    /// Zone found.
    pub zone: u16,
    /// Zero.
    pub pad: [u16; 3],
    /// Whose use of the object was last recorded: the agent in the upper half, its recorded surfaces in the
    /// lower, one bit each. The only part that changes after the value was made, and in one write.
    pub seen: u64,
}

const _: () = {
    assert!(size_of::<MarkKey>() == 16);
    assert!(size_of::<Mark>() == 4);
    assert!(size_of::<GivenKey>() == 16);
    assert!(size_of::<ChildKey>() == 56);
    assert!(size_of::<NameKey>() == 36);
    assert!(size_of::<NameLengths>() == 24);
    assert!(size_of::<Cached>() == 48);
};
