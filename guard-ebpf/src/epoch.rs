//! Since when directories stand where they do. What is kept about one holds for its epoch, which is read before it is
//! looked for.

use guard_common::limits::REMOVALS_MAX;

use crate::atomic;
use crate::maps::{EPOCH, REMOVALS};

/// The epoch of a directory, by the inode number of the directory that it stands in. It never goes back, and begins anew
/// when any directory is moved or a file system goes, or when a directory is removed that stood there; no two that are
/// counted apart have one in common.
#[inline(always)]
pub fn of(above: u64) -> u64 {
    let row = row(above);
    // SAFETY: live array rows. Volatile: read once, and before what is looked for then.
    let count = |row: Option<&u64>| row.map_or(0, |row| unsafe { core::ptr::read_volatile(row) });
    let begun = count(EPOCH.get(0)).wrapping_add(count(REMOVALS.get(row)));
    begun.wrapping_mul(u64::from(REMOVALS_MAX)) | u64::from(row)
}

/// A directory was moved, and all below it; or a file system has gone, and its numbers are free.
#[inline(always)]
pub fn moved() {
    begin_anew(EPOCH.get_ptr_mut(0));
}

/// A directory was removed that stood in this one.
#[inline(always)]
pub fn removed(above: u64) {
    begin_anew(REMOVALS.get_ptr_mut(row(above)));
}

#[inline(always)]
fn begin_anew(count: Option<*mut u64>) {
    if let Some(count) = count {
        atomic::fetch_add(count, 1);
    }
}

#[inline(always)]
fn row(above: u64) -> u32 {
    above as u32 & (REMOVALS_MAX - 1)
}
