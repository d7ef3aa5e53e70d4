//! Who a task is. Set once, inherited by every child, never shed.

use crate::limits::AGENTS_MAX;

/// A task's label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Label {
    /// Instance's slot, from 1 on; the last two are [`PROBE`]'s and [`super::enrol::NO_SLOT`].
    pub agent: u32,
    /// Profile's index; the same in every generation of one policy lineage.
    pub profile: u16,
    /// Of a cgroup's row: [`super::enrol::LABEL_WAITS`]. Of a task's: zero.
    pub flags: u16,
    /// Private zone id of its work folder, 0 for none.
    pub work: u16,
    /// Private zone id of its temporary folder, 0 for none.
    pub temp: u16,
    /// Number of the mount namespace that was made for it: what is mounted there was mounted by its launcher, and
    /// stands where its mount point stands. 0: none but the host's.
    pub mounts: u32,
}

/// Who may do nothing: the process with which `guard doctor --probe` tries the programs. No profile has that number, so
/// none of its edges leads anywhere; no instance is given the slot.
pub const PROBE: Label =
    Label { agent: AGENTS_MAX - 2, profile: u16::MAX, flags: 0, work: 0, temp: 0, mounts: 0 };

/// In [`super::name::ENTERED`]: somebody has no label, for it could not be stored, or because the programs came after
/// who lived in the cgroup. Until the daemon has walked all threads, a task without a label is asked for its cgroup's as
/// well.
pub const MISSED: u64 = 1 << 63;

const _: () = assert!(size_of::<Label>() == 16);
