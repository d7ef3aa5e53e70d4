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
    /// Epoch of the directory that the name stands in, read before the walk began.
    pub epoch: u64,
    /// That directory's inode number.
    pub parent_ino: u64,
    /// The name's hash, from bit 32 its length, from bit 40 how often it changed, as the kernel keeps them.
    pub name: u64,
    /// Zone found.
    pub zone: u16,
    /// Zero.
    pub pad: [u16; 3],
    /// Whose use of the object was last recorded: the agent in the upper half, its recorded surfaces in the
    /// lower, one bit each. The only part that changes after the value was made, and in one write.
    pub seen: u64,
}

/// What is kept for a directory whose name leads to `zone`, in one word: the zone in the lowest 16 bits, above it what
/// it was found under. One word, because rows of such a map are used again while they are read: a reader sees all of a
/// row or all of another, and another's does not begin with what it looks for.
#[inline(always)]
pub const fn kept_folder(key: &MarkKey, generation: u64, epoch: u64, zone: u16) -> u64 {
    // Odd constants without a pattern: neighbouring numbers end far apart, and epochs do not meet within 2^36 moves and removals.
    let found_under = key
        .ino
        .wrapping_mul(0xa24b_aed4_963e_e407)
        .wrapping_add((key.dev as u64).wrapping_mul(0x9fb2_1c65_1e98_df25))
        .wrapping_add(generation.wrapping_mul(0xd6e8_feb8_6659_fd93))
        .wrapping_add(epoch.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (found_under & !0xffff) | zone as u64
}

/// The zone that a word of [`kept_folder`] holds; `None` if it was found under something else.
#[inline(always)]
pub const fn zone_of_folder(kept: u64, key: &MarkKey, generation: u64, epoch: u64) -> Option<u16> {
    let differs = kept ^ kept_folder(key, generation, epoch, 0);
    if differs == 0 || differs > 0xffff { None } else { Some(differs as u16) }
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

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    const KEY: MarkKey = MarkKey { ino: 12, dev: 0x80_00001 | DEV_OF_DIRECTORY, slot: 1 };

    #[test]
    fn a_kept_folder_gives_its_zone_back_under_what_it_was_found_under_alone() {
        let kept = kept_folder(&KEY, 7, 3, 1023);
        assert_eq!(zone_of_folder(kept, &KEY, 7, 3), Some(1023));
        let others = [
            (MarkKey { ino: 13, ..KEY }, 7, 3),
            (MarkKey { dev: KEY.dev + 1, ..KEY }, 7, 3),
            (MarkKey { dev: KEY.dev & !DEV_OF_DIRECTORY, ..KEY }, 7, 3),
            (KEY, 9, 3),
            (KEY, 7, 4),
            (KEY, 5, 3),
        ];
        for (key, generation, epoch) in others {
            let found = zone_of_folder(kept, &key, generation, epoch);
            assert_eq!(found, None, "{key:?} {generation} {epoch}");
        }
        assert_eq!(zone_of_folder(0, &KEY, 7, 3), None, "an empty row");
    }

    #[test]
    fn no_two_epochs_or_numbers_that_lie_near_meet() {
        let of = |ino, epoch| kept_folder(&MarkKey { ino, ..KEY }, 7, epoch, 0);
        let mut seen = std::collections::BTreeSet::new();
        for step in 0..200_000 {
            assert!(seen.insert(of(12, step)), "epoch {step}");
        }
        for step in 1..200_000 {
            assert!(seen.insert(of(12 + step, 0)), "number {step}");
        }
    }
}
