//! What happens when the kernel itself fails us: it is counted, and the agent is refused.

use guard_common::Reason;
use guard_common::map::cell;

use crate::maps::FAULTS;

/// A place where a helper can fail. The number stands in the fault counter's key and in `guard status`.
#[derive(Clone, Copy)]
#[repr(u16)]
pub enum Site {
    /// A label could not be stored for a new task.
    LabelInherit = 1,
    /// A label could not be stored for a task that entered a cgroup.
    LabelEnter = 2,
    /// A label could not be stored for a task that was in the cgroup before.
    LabelExisting = 3,
    /// A row that every array holds was not there.
    ArrayRow = 4,
    /// A walk's read failed.
    WalkRead = 5,
    /// A peer's address could not be read.
    AddressRead = 6,
    /// An event found its ring full.
    RingFull = 7,
    /// A name's bytes could not be read.
    NameRead = 8,
    /// It could not be noted who made an object.
    OwnerNote = 9,
    /// It could not be noted that a program's arguments are to be judged.
    StartNote = 10,
    /// A program's arguments could not be read.
    ArgumentRead = 11,
    /// Policies were pushed faster than a program's arguments could be judged.
    StartMoved = 12,
    /// A program's digest could not be taken, or was not there where it was to be judged.
    Digest = 13,
}

/// Counts a failure.
#[inline(always)]
pub fn count(site: Site, errno: i64) {
    let key = ((site as u32) << 16) | ((-errno) as u32 & 0xffff);
    if let Some(count) = FAULTS.get_ptr_mut(key) {
        // SAFETY: a value of a preallocated hash whose entries are never removed. Racing adds may lose one.
        unsafe { *count += 1 };
    } else {
        // Full: the sum is lost, the refusal stands.
        let _ = FAULTS.insert(key, 1, 0);
    }
}

/// Counts a failure and gives the reason for the refusal that it costs the agent.
#[inline(always)]
pub fn closed(site: Site, errno: i64) -> Reason {
    count(site, errno);
    Reason::KernelFault
}

// The cell array is indexed with what this promises; a wrong bound would read another profile's row.
const _: () = assert!(cell::index(1, 63, 1023) < guard_common::limits::CELLS_MAX);
