//! Who an object belongs to when several say so.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// How strong a claim is, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A file system is mounted there.
    Mount,
    /// A package that the policy names has it on its list.
    Package,
    /// The policy names it.
    Root,
    /// It is guard's own.
    Guard,
}

/// A zone's claim to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) zone: u16,
    pub(super) rank: Rank,
    /// The path by which the zone has it.
    pub(super) path: PathBuf,
}

impl Claim {
    /// Whether this claim displaces another: by rank, or by allowing less. `permissions` counts what a zone
    /// allows. Among equals the first stays.
    pub(super) fn beats(&self, other: &Self, permissions: impl Fn(u16) -> usize) -> bool {
        (self.rank, std::cmp::Reverse(permissions(self.zone)))
            > (other.rank, std::cmp::Reverse(permissions(other.zone)))
    }
}

/// One claim an object.
pub(super) struct Claims<K>(BTreeMap<K, Claim>);

impl<K> Default for Claims<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Claims<K> {
    /// Puts a claim in; says so where two of equal rank wanted different zones.
    pub(super) fn put(&mut self, key: K, claim: Claim, permissions: impl Fn(u16) -> usize) -> Option<String> {
        let Some(held) = self.0.get_mut(&key) else {
            self.0.insert(key, claim);
            return None;
        };
        if held.zone == claim.zone {
            held.rank = held.rank.max(claim.rank);
            return None;
        }
        let are_equal = held.rank == claim.rank;
        let (first, second) = (held.path.display().to_string(), claim.path.display().to_string());
        if claim.beats(held, permissions) {
            *held = claim;
        }
        let winner = held.path.display();
        are_equal.then(|| {
            format!(
                "{first} and {second} are one object in two zones: it is in {winner}'s, which allows no more"
            )
        })
    }

    pub(super) fn into_inner(self) -> BTreeMap<K, Claim> {
        self.0
    }
}
