//! Switches and counters.

use crate::wire_enum;

wire_enum! {
    /// State of a kill word. Latched: only a recovery order clears it.
    pub enum KillMode: u32 {
        /// Agents run.
        Run = 0 => "run",
        /// Every hook refuses; processes are frozen.
        Freeze = 1 => "freeze",
        /// Every hook refuses and the acting task is killed.
        Terminate = 2 => "terminate",
    }
}

/// Slot of the kill word for every agent.
pub const KILL_ALL: u32 = 0;

/// Columns of the verdict counters.
pub const COUNT_COLUMNS: u32 = 4;
/// Column: allowed.
pub const COUNT_ALLOW: u32 = 0;
/// Column: refused.
pub const COUNT_DENY: u32 = 1;
/// Column: the zone had to be walked for, rather than taken from the inode's cache.
pub const COUNT_WALK: u32 = 2;
/// Column: an event could not be put in its ring.
pub const COUNT_LOST: u32 = 3;

/// Position of a verdict counter.
#[inline(always)]
pub const fn count_index(operation: u32, column: u32) -> u32 {
    operation * COUNT_COLUMNS + column
}
