//! The zone of an open file, kept on its inode.
//!
//! A kept zone holds only for the name, directory, policy generation and epoch it was found under. A file
//! with several names, or one that was moved, does not match and is walked for again; a moved directory begins
//! another epoch for all, a removed one for those that stood beside it ([`crate::epoch`]). All of it is read before
//! the walk, so that a move during it makes the result stale at once.

use core::mem::MaybeUninit;

use aya_ebpf::bindings::BPF_LOCAL_STORAGE_GET_F_CREATE;
use aya_ebpf::helpers::generated::{bpf_inode_storage_delete, bpf_inode_storage_get};
use guard_common::map::zone::Cached;
use guard_common::{Operation, Reason};

use super::walk::{self, Since};
use crate::emit;
use crate::fail::{self, Fault};
use crate::kernel::{Dentry, File, Inode};
use crate::maps::ZONE_CACHE;
use crate::subject::Subject;

/// An open file's zone.
#[derive(Clone, Copy)]
pub struct Seen {
    /// The zone, as the subject sees it.
    pub zone: u32,
    /// This agent's first use of the object by one of these surfaces since it was last walked for.
    pub is_first: bool,
}

/// What a kept zone holds for.
struct Key {
    epoch: u64,
    parent_ino: u64,
    name: u64,
}

impl Key {
    #[inline(always)]
    fn of(dentry: Dentry) -> Self {
        let mut key = MaybeUninit::uninit();
        read_key(dentry, &mut key);
        // SAFETY: every field was written.
        unsafe { key.assume_init() }
    }

    #[inline(always)]
    fn since(&self) -> Since {
        Since { epoch: self.epoch, sequence: (self.name >> 40) as u32 }
    }

    #[inline(always)]
    fn fits(&self, subject: &Subject, value: &Cached) -> bool {
        value.generation == subject.generation
            && value.epoch == self.epoch
            && value.parent_ino == self.parent_ino
            && value.name == self.name
    }
}

/// All of it is read before a walk, how often the name changed first of all. A function of its own: what it needs on the
/// way does not lie under the walk.
#[inline(never)]
fn read_key(dentry: Dentry, key: &mut MaybeUninit<Key>) -> i32 {
    let since = Since::now(dentry);
    key.write(Key {
        epoch: since.epoch,
        parent_ino: dentry.parent().ino(),
        name: (u64::from(since.sequence) << 40)
            | (u64::from(dentry.name_len()) << 32)
            | u64::from(dentry.name_hash()),
    });
    0
}

/// The zone of an open file. `uses` has one bit for each surface that it is opened for.
#[inline(always)]
pub fn of_file(subject: &Subject, file: File, operation: Operation, uses: u32) -> Result<Seen, Reason> {
    let (inode, dentry) = (file.inode(), file.dentry());
    let key = Key::of(dentry);
    let kept = kept(inode);
    if let Some(kept) = kept {
        // SAFETY: storage lives as long as the inode, and this file holds the inode.
        let value = unsafe { &*kept };
        if key.fits(subject, value) {
            return Ok(Seen {
                zone: subject.sees(u32::from(value.zone)),
                is_first: note_use(kept, subject, uses),
            });
        }
    }
    emit::count_walk(operation);
    let found = walk::outward(subject, dentry, file.mount().address(), key.since());
    let zone = found.zone()?;
    // A file whose inode is not its name's (overlay and FUSE pass-through) is never kept.
    if found.may_be_kept() && dentry.inode().0 == inode.0 && dentry.parent().still_stands() {
        keep(
            inode,
            &key,
            subject.generation,
            zone | if kept.is_some() { REPLACES } else { 0 },
            seen_word(subject, uses),
        );
    }
    Ok(Seen { zone: subject.sees(zone), is_first: true })
}

/// The zone of an open file that is kept for it, if its uses in `told` are on record for this agent; 0 if not.
#[inline(always)]
pub fn of_told_file(subject: &Subject, file: File, told: u32) -> u32 {
    let Some(kept) = kept(file.inode()) else { return 0 };
    // SAFETY: see `of_file`.
    let (value, seen) = unsafe { (&*kept, core::ptr::read_volatile(&raw const (*kept).seen)) };
    let is_told = told == 0 || (seen >> 32 == u64::from(subject.agent) && seen as u32 & told == told);
    if is_told && Key::of(file.dentry()).fits(subject, value) {
        subject.sees(u32::from(value.zone))
    } else {
        0
    }
}

/// Beside the zone: something is kept already, and is stale.
const REPLACES: u32 = 1 << 16;

#[inline(always)]
fn seen_word(subject: &Subject, uses: u32) -> u64 {
    (u64::from(subject.agent) << 32) | u64::from(uses)
}

/// Notes who uses the object how; whether that is news.
#[inline(always)]
fn note_use(kept: *mut Cached, subject: &Subject, uses: u32) -> bool {
    // SAFETY: see `of_file`; one 8-byte read and write, races cost a repeated record at most.
    unsafe {
        let seen = &raw mut (*kept).seen;
        let old = core::ptr::read_volatile(seen);
        if old >> 32 == u64::from(subject.agent) {
            if old & u64::from(uses) == u64::from(uses) {
                return false;
            }
            core::ptr::write_volatile(seen, old | u64::from(uses));
        } else {
            core::ptr::write_volatile(seen, seen_word(subject, uses));
        }
    }
    true
}

#[inline(always)]
fn kept(inode: Inode) -> Option<*mut Cached> {
    // SAFETY: `f_inode` is a pointer the verifier trusts.
    let value = unsafe {
        bpf_inode_storage_get(
            core::ptr::from_ref(&ZONE_CACHE).cast_mut().cast(),
            inode.0.cast_mut().cast(),
            core::ptr::null_mut(),
            0,
        )
    };
    if value.is_null() { None } else { Some(value.cast()) }
}

/// Replaces what is kept. Values are never changed in place: a reader on another CPU would see half of each.
///
/// A function of its own, so that its stack does not lie under the walk's.
#[inline(never)]
fn keep(inode: Inode, key: &Key, generation: u64, zone_and_replaces: u32, seen: u64) -> i32 {
    let mut value = Cached {
        generation,
        epoch: key.epoch,
        parent_ino: key.parent_ino,
        name: key.name,
        zone: zone_and_replaces as u16,
        pad: [0; 3],
        seen,
    };
    let map = core::ptr::from_ref(&ZONE_CACHE).cast_mut().cast();
    // SAFETY: as above. Out of memory means the next open walks again.
    unsafe {
        if zone_and_replaces & REPLACES != 0 {
            bpf_inode_storage_delete(map, inode.0.cast_mut().cast());
        }
        if fail::injected(Fault::ZoneKeep) {
            return 0;
        }
        let kept = bpf_inode_storage_get(
            map,
            inode.0.cast_mut().cast(),
            (&raw mut value).cast(),
            u64::from(BPF_LOCAL_STORAGE_GET_F_CREATE),
        );
        if kept.is_null() {
            fail::count(Fault::ZoneKeep, 0);
        }
    }
    0
}
