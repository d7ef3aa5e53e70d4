//! Which of the shared structs may travel to and from a map byte by byte. Owns that claim; does nothing.
#![expect(unsafe_code, reason = "a claim about layout is an unsafe trait")]

use aya::Pod;
use guard_common::map::address::{AddressHeads, AddressKey, AddressRule};
use guard_common::map::arguments::{ArgumentRules, ArgumentsKey};
use guard_common::map::cell::Cell;
use guard_common::map::digest::DigestKey;
use guard_common::map::enrol::EnrolRule;
use guard_common::map::label::Label;
use guard_common::map::zone::{ChildKey, GivenKey, Mark, MarkKey, NameKey, NameLengths};

/// A struct that the kernel and the daemon share, wrapped so that it can be called plain data here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Plain<T>(pub(super) T);

/// What is behind a pinned set: which object it was made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Meta {
    /// Version of the agreement between pinned maps and this daemon; 0 while the set is being changed.
    pub(super) abi: u32,
    /// How the programs were loaded: see `loader::Manner`.
    pub(super) manner: u32,
    /// SHA-256 of the object.
    pub(super) digest: [u8; 32],
}

const _: () = assert!(size_of::<Meta>() == 40);

/// Anything that may be a key or a value of a map.
pub(super) trait Row: Pod {}
impl<T: Pod> Row for T {}

macro_rules! plain {
    ($($name:ty),+ $(,)?) => {
        $(
            // SAFETY: `repr(C)` of integers and byte arrays without implicit padding: every bit pattern is a
            // value, and every byte is initialised. Sizes are asserted where the struct is defined.
            unsafe impl Pod for Plain<$name> {}
        )+
    };
}

plain!(
    AddressHeads,
    AddressKey,
    AddressRule,
    ArgumentRules,
    ArgumentsKey,
    Cell,
    ChildKey,
    DigestKey,
    EnrolRule,
    GivenKey,
    Label,
    Mark,
    MarkKey,
    Meta,
    NameKey,
    NameLengths,
);
