//! The path of an object, written into its event: names from the leaf outward.
//!
//! A directory's path is kept, by the mount that it is seen through, so that what stands in it is told without a walk.
//! Only on the host's own mounts, which have one place each; and as long as neither they nor directories change theirs.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use guard_common::event::{PATH_CUT, PATH_UNROOTED};
use guard_common::limits::{FOLDER_PATHS_MAX, PATH_BYTES_MAX, WALK_STEPS_MAX};
use guard_common::map::path::{FolderPath, PATH_KEPT_MAX};

use crate::epoch;
use crate::kernel::loops::{END, GO_ON, low_bits, opaque, repeat, unknown};
use crate::kernel::raw::{Entry, MOUNTS_MAX, Place, Way};
use crate::maps::FOLDER_PATHS;

/// Rounds of a walk whose names are told.
const ROUNDS_MAX: u32 = WALK_STEPS_MAX + MOUNTS_MAX;

/// Path text being written: names from the leaf outward, each with a NUL.
pub(super) struct Text {
    at: Place,
    seek: u64,
    /// `ROOM` bytes.
    text: *mut u8,
    pub(super) end: u32,
    /// The report's flags, and `PATH_*`.
    pub(super) flags: u32,
}

impl Text {
    /// Nothing yet, of an object.
    #[inline(always)]
    pub(super) fn at(at: Place, text: *mut u8, flags: u32) -> Self {
        Self { at: opaque(at), seek: unknown(), text, end: opaque(0), flags: opaque(flags) }
    }

    /// Goes on with another object's.
    #[inline(always)]
    pub(super) fn turn_to(&mut self, at: Place) {
        (self.at, self.seek, self.end) = (opaque(at), unknown(), opaque(self.end));
    }

    /// Writes the object's path.
    #[inline(always)]
    pub(super) fn write<const ROOM: usize, const NAME: usize>(&mut self) {
        let row = write_leaf::<ROOM, NAME>(self);
        if row == WRITTEN {
            return;
        }
        let folder = self.end;
        repeat(ROUNDS_MAX, self, write_name::<ROOM, NAME>);
        if row != NO_ROW {
            keep(self, row, folder);
        }
    }

    /// Whether a name of this length still fits.
    #[inline(always)]
    fn has_room<const ROOM: usize, const NAME: usize>(&mut self, len: u32) -> bool {
        let fits = len as usize <= NAME && self.end as usize <= ROOM - NAME - 1;
        if !fits {
            self.flags |= PATH_CUT;
        }
        fits
    }

    /// Appends a name that there is room for.
    #[inline(always)]
    fn append<const ROOM: usize, const NAME: usize>(&mut self, entry: &Entry) {
        let (end, len) = (self.end as usize, entry.name_len as usize & NAME);
        if end > ROOM - NAME - 1 {
            return;
        }
        // SAFETY: `end + len` is below `ROOM`, by the check and the mask.
        unsafe {
            bpf_probe_read_kernel(self.text.add(end).cast(), len as u32, entry.name as *const _);
            self.text.add(end + len).write(0);
        }
        self.end = (end + len + 1) as u32;
    }

    /// Copies text behind what is written, where there is room for the most that it may be: the verifier asks for no
    /// less. Whether it did.
    ///
    /// # Safety
    /// `from` is a kernel address.
    #[inline(always)]
    unsafe fn copy<const ROOM: usize, const MOST: usize>(&self, from: *const u8, len: usize) -> bool {
        // The compiler knows it, and would leave a test out that the verifier needs.
        let end = low_bits::<0x1fff>(u64::from(self.end)) as usize;
        if len > MOST || end > ROOM - MOST {
            return false;
        }
        // SAFETY: `end + len` is at most `ROOM`, by the check and the mask.
        unsafe { bpf_probe_read_kernel(self.text.add(end).cast(), (len & MOST) as u32, from.cast()) };
        true
    }
}

/// The path is written.
const WRITTEN: u32 = u32::MAX;
/// The walk goes on, and what it finds is not kept.
const NO_ROW: u32 = u32::MAX - 1;

/// Writes the object's own name, and what is kept of its directory. Where nothing is, the walk goes on from the directory;
/// what it finds belongs into the row that this answers, which is its alone till then.
#[inline(never)]
fn write_leaf<const ROOM: usize, const NAME: usize>(text: &mut Text) -> u32 {
    let entry = text.at.entry();
    if entry.parent == 0 || entry.parent == text.at.dentry {
        return NO_ROW;
    }
    if !text.has_room::<ROOM, NAME>(entry.name_len) {
        return WRITTEN;
    }
    text.append::<ROOM, NAME>(&entry);
    text.at.dentry = entry.parent;
    let Some(folder) = Folder::of(text.at) else { return NO_ROW };
    let row = folder.row();
    let Some(kept) = FOLDER_PATHS.get_ptr_mut(row) else { return NO_ROW };
    // SAFETY: a live array row; who reads asks afterwards whether somebody wrote meanwhile.
    unsafe {
        let version = (&raw const (*kept).version).read_volatile();
        if version % 2 != 0 {
            return NO_ROW;
        }
        if folder.is_of(kept) {
            let (len, from) = ((*kept).len as usize, (&raw const (*kept).text).cast());
            let is_copied = text.copy::<ROOM, PATH_KEPT_MAX>(from, len)
                || text.copy::<ROOM, { PATH_KEPT_MAX / 2 }>(from, len);
            if !is_copied || (&raw const (*kept).version).read_volatile() != version {
                return NO_ROW;
            }
            text.end += len as u32;
            return WRITTEN;
        }
        if !text.at.is_on_host_mount() || !claim(kept, version) {
            return NO_ROW;
        }
        folder.write(kept);
    }
    row
}

/// What a directory's path is kept under.
struct Folder {
    mount: u64,
    mounts: u64,
    epoch: u64,
    ino: u64,
    name: u32,
}

impl Folder {
    /// Nothing where it could not be told from another.
    #[inline(always)]
    fn of(at: Place) -> Option<Self> {
        let entry = at.entry();
        let (ino, mounts) = (entry.ino(), at.mounts_changed());
        if ino == 0 || mounts == 0 {
            return None;
        }
        Some(Self { mount: at.mount, mounts, epoch: epoch::of(entry.hash), ino, name: entry.hash })
    }

    #[inline(always)]
    fn row(&self) -> u32 {
        // An odd constant without a pattern: neighbouring numbers end far apart.
        let mixed = (self.ino ^ self.mount.rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 48) as u32 & (FOLDER_PATHS_MAX - 1)
    }

    /// # Safety
    /// A row of the map.
    #[inline(always)]
    unsafe fn is_of(&self, kept: *const FolderPath) -> bool {
        // SAFETY: plain numbers, which may be half another's: the caller asks again.
        unsafe {
            (*kept).mount == self.mount
                && (*kept).mounts == self.mounts
                && (*kept).epoch == self.epoch
                && (*kept).ino == self.ino
                && (*kept).name == self.name
        }
    }

    /// # Safety
    /// A row of the map that is the caller's alone.
    #[inline(always)]
    unsafe fn write(&self, kept: *mut FolderPath) {
        // SAFETY: as above.
        unsafe {
            (*kept).mount = self.mount;
            (*kept).mounts = self.mounts;
            (*kept).epoch = self.epoch;
            (*kept).ino = self.ino;
            (*kept).name = self.name;
        }
    }
}

/// Makes a row one's own, unless somebody else was first.
///
/// # Safety
/// A row of the map.
#[inline(always)]
unsafe fn claim(kept: *mut FolderPath, version: u64) -> bool {
    use core::intrinsics::{AtomicOrdering::SeqCst, atomic_cxchg};
    // SAFETY: a live word, changed atomically.
    unsafe { atomic_cxchg::<u64, { SeqCst }, { SeqCst }>(&raw mut (*kept).version, version, version + 1) }.0
        == version
}

/// Keeps what was written from `folder` on, and lets go of the row.
#[inline(never)]
fn keep(text: &Text, row: u32, folder: u32) -> i32 {
    use core::intrinsics::{AtomicOrdering::SeqCst, atomic_xadd};
    let Some(kept) = FOLDER_PATHS.get_ptr_mut(row) else { return 0 };
    let len = text.end.wrapping_sub(folder);
    let is_whole = text.flags & (PATH_CUT | PATH_UNROOTED) == 0;
    // SAFETY: the row is this task's; at most the row's text is written.
    unsafe {
        if is_whole && len as usize <= PATH_KEPT_MAX && folder as usize <= PATH_BYTES_MAX {
            (*kept).len = len;
            let from = text.text.add(folder as usize);
            bpf_probe_read_kernel((&raw mut (*kept).text).cast(), len & PATH_KEPT_MAX as u32, from.cast());
        } else {
            (*kept).mount = 0;
        }
        atomic_xadd::<u64, u64, { SeqCst }>(&raw mut (*kept).version, 1);
    }
    0
}

fn write_name<const ROOM: usize, const NAME: usize>(_: u32, state: *mut Text) -> i64 {
    // SAFETY: the state of `Text::write`.
    let state = unsafe { &mut *state };
    let entry = state.at.entry();
    if entry.parent == state.at.dentry && !state.at.turn_to_host(&mut state.seek) {
        return GO_ON;
    }
    let step = state.at.outward(entry.parent);
    // The root of a file system is named by its mount point; one that is attached nowhere, by itself.
    let is_root = step.way == Way::Root || step.to.mount != state.at.mount;
    if !is_root {
        if !state.has_room::<ROOM, NAME>(entry.name_len) {
            return END;
        }
        state.append::<ROOM, NAME>(&entry);
    }
    state.at = step.to;
    state.seek = 0;
    match step.way {
        Way::Up => return GO_ON,
        Way::Root => {}
        Way::Unrooted => state.flags |= PATH_UNROOTED,
        Way::Fault => state.flags |= PATH_CUT,
    }
    END
}
