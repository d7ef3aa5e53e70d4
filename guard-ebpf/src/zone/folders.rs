//! The zone that a directory's name leads to, kept by the directory's numbers: what stands in one directory is walked
//! for once, and after that only looked at itself.
//!
//! Not on the directory's inode, as for files: a program may put nothing on an inode that it only found on its way,
//! and that nobody holds for it. What ends a kept zone is a policy's generation, or the directory's epoch
//! ([`crate::epoch`]), which begins anew also when a file system goes: its numbers are the next one's.

use guard_common::ZoneId;
use guard_common::map::zone::{MarkKey, kept_folder, zone_of_folder};

use super::walk::AT_ROOT;
use crate::epoch;
use crate::kernel::Dentry;
use crate::maps::FOLDERS;

/// Nothing is kept.
pub const NONE: u32 = 0;

/// `dev` as in a directory's mark. The number is 0 where it could not be read: then nothing is kept.
#[inline(always)]
fn key(folder: Dentry, dev: u32, generation: u64) -> MarkKey {
    MarkKey { ino: folder.ino(), dev, slot: (generation & 1) as u32 }
}

/// The zone of what stands in a directory and has no mark, rule or name of its own that decides; or [`AT_ROOT`].
#[inline(never)]
pub fn kept(folder: Dentry, dev: u32, generation: u64, epoch: u64) -> u32 {
    let key = key(folder, dev, generation);
    if key.ino == 0 {
        return NONE;
    }
    // SAFETY: copied at once, in one word.
    let Some(kept) = (unsafe { FOLDERS.get(&key) }).copied() else { return NONE };
    match zone_of_folder(kept, &key, generation, epoch) {
        Some(zone) if zone == ZoneId::OUTSIDE.0 => AT_ROOT,
        zone => zone.map_or(NONE, u32::from),
    }
}

/// Keeps it.
#[inline(never)]
pub fn keep(folder: Dentry, dev: u32, generation: u64, epoch: u64, found: u32) -> u32 {
    let key = key(folder, dev, generation);
    // The epoch's parts are read one by one, and the folder may have been moved between.
    if key.ino == 0 || !folder.is_known_by_number() || epoch::of(folder.parent().ino()) != epoch {
        return 0;
    }
    let zone = if found == AT_ROOT { ZoneId::OUTSIDE.0 } else { found as u16 };
    let kept = kept_folder(&key, generation, epoch, zone);
    // Where there is no room, the next one walks again.
    let _ = FOLDERS.insert(&key, kept, 0);
    0
}
