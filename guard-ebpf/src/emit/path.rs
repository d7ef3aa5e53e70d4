//! The path of an object, written into its event: names from the leaf outward.
//!
//! A directory's path is kept, by the mount that it is seen through, so that what stands in it is told without a walk.
//! Only on the host's own mounts, which have one place each; and as long as neither they nor directories change theirs.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use guard_common::event::{PATH_CUT, PATH_UNROOTED};
use guard_common::limits::{PATH_BYTES_MAX, WALK_STEPS_MAX};
use guard_common::map::path::{FolderKey, PATH_KEPT_MAX};

use crate::atomic;
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
    room: *mut u8,
    pub(super) end: u32,
    /// The report's flags, and `PATH_*`.
    pub(super) flags: u32,
}

impl Text {
    /// Nothing yet, of an object.
    #[inline(always)]
    pub(super) fn of(at: Place, room: *mut u8, flags: u32) -> Self {
        Self { at: opaque(at), seek: unknown(), room, end: opaque(0), flags: opaque(flags) }
    }

    /// Goes on with another object's.
    #[inline(always)]
    pub(super) fn turn_to(&mut self, at: Place) {
        (self.at, self.seek) = (opaque(at), unknown());
        self.forget();
    }

    /// The same, about which the verifier knows nothing: however it came to be, what follows is read once. The addresses
    /// are numbers already.
    #[inline(always)]
    fn forget(&mut self) {
        (self.at.dentry, self.at.mount) = (self.at.dentry ^ unknown(), self.at.mount ^ unknown());
        (self.end, self.flags) = (opaque(self.end), opaque(self.flags));
    }

    /// Writes the object's path.
    #[inline(always)]
    pub(super) fn write<const ROOM: usize, const NAME: usize>(&mut self) {
        let row = write_leaf::<ROOM, NAME>(self);
        if row == WRITTEN {
            return;
        }
        let row = opaque(row);
        self.forget();
        let begin = self.end;
        repeat(ROUNDS_MAX, self, write_name::<ROOM, NAME>);
        if row != NO_ROW {
            keep(self, row, begin);
        }
    }

    /// Appends a name; whether there was room for it.
    #[inline(always)]
    fn append<const ROOM: usize, const NAME: usize>(&mut self, entry: &Entry) -> bool {
        let (end, len) = (self.end as usize, entry.name_len as usize & NAME);
        if entry.name_len as usize > NAME || end > ROOM - NAME - 1 {
            self.flags |= PATH_CUT;
            return false;
        }
        // SAFETY: `end + len` is below `ROOM`, by the check and the mask.
        unsafe {
            bpf_probe_read_kernel(self.room.add(end).cast(), len as u32, entry.name as *const _);
            self.room.add(end + len).write(0);
        }
        self.end = (end + len + 1) as u32;
        true
    }

    /// Copies text behind what is written, where there is room for the most that it may be: the verifier asks for no
    /// less. Whether it did; `end` is the caller's to move, once it is sure of the text.
    #[inline(always)]
    fn copy<const ROOM: usize, const MOST: usize>(&self, from: *const u8, len: usize) -> bool {
        const { assert!(ROOM <= 0x1fff) };
        // The compiler would leave the test out where names leave room enough; the verifier would not know.
        let end = low_bits::<0x1fff>(u64::from(self.end)) as usize;
        if len > MOST || end > ROOM - MOST {
            return false;
        }
        // SAFETY: `end + len` is at most `ROOM`, by the check and the mask.
        unsafe { bpf_probe_read_kernel(self.room.add(end).cast(), (len & MOST) as u32, from.cast()) };
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
    if !text.append::<ROOM, NAME>(&entry) {
        return WRITTEN;
    }
    text.at.dentry = entry.parent;
    copy_or_claim::<ROOM>(text)
}

#[inline(always)]
fn copy_or_claim<const ROOM: usize>(text: &mut Text) -> u32 {
    let folder = text.at.entry();
    let key = key(text.at, &folder);
    let row = key.row();
    let Some(kept) = FOLDER_PATHS.get_ptr_mut(row) else { return NO_ROW };
    // SAFETY: a live array row; who reads asks afterwards whether somebody wrote meanwhile.
    unsafe {
        let version = (&raw const (*kept).version).read_volatile();
        if version % 2 != 0 || key.ino == 0 || key.mounts_event == 0 {
            return NO_ROW;
        }
        if (*kept).key == key {
            let (len, from) = ((*kept).len as usize, (&raw const (*kept).text).cast());
            let is_copied = text.copy::<ROOM, PATH_KEPT_MAX>(from, len)
                || text.copy::<ROOM, { PATH_KEPT_MAX / 2 }>(from, len);
            if !is_copied || (&raw const (*kept).version).read_volatile() != version {
                return NO_ROW;
            }
            text.end += len as u32;
            return WRITTEN;
        }
        let may_keep = text.at.is_on_host_mount() && folder.is_known_by_number();
        if !may_keep || !atomic::compare_exchange(&raw mut (*kept).version, version, version + 1) {
            return NO_ROW;
        }
        (*kept).key = key;
    }
    row
}

#[inline(always)]
fn key(at: Place, folder: &Entry) -> FolderKey {
    let above = Place { dentry: folder.parent, mount: at.mount };
    FolderKey {
        mount: at.mount,
        mounts_event: at.mounts_event(),
        epoch: epoch::of(above.ino()),
        ino: folder.ino(),
    }
}

/// Keeps what was written from `begin` on, and lets go of the row.
#[inline(never)]
fn keep(text: &Text, row: u32, begin: u32) -> i32 {
    let Some(kept) = FOLDER_PATHS.get_ptr_mut(row) else { return 0 };
    let len = text.end.wrapping_sub(begin) as usize;
    let is_whole = text.flags & (PATH_CUT | PATH_UNROOTED) == 0;
    // SAFETY: the row is this task's; at most the row's text is written.
    unsafe {
        // The second bound is the verifier's, on sums with pointers.
        if is_whole && len <= PATH_KEPT_MAX && begin as usize <= PATH_BYTES_MAX {
            (*kept).len = len as u64;
            let (to, from) = ((&raw mut (*kept).text).cast(), text.room.add(begin as usize));
            bpf_probe_read_kernel(to, (len & PATH_KEPT_MAX) as u32, from.cast());
        } else {
            (*kept).key.mount = 0;
        }
        // After the text: who finds the new version finds all of it.
        atomic::fetch_add(&raw mut (*kept).version, 1);
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
        if !state.append::<ROOM, NAME>(&entry) {
            return END;
        }
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
