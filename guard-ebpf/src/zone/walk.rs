//! The walk outward from a name, to the first mark or rule.

use guard_common::limits::WALK_STEPS_MAX;
use guard_common::map::zone::{MARK_HAS_CHILDREN, Mark, MarkKey};
use guard_common::{Reason, ZoneId};

use super::names;
use crate::fail::{self, Site};
use crate::kernel::Dentry;
use crate::kernel::raw::{Place, Step};
use crate::maps::MARKS;

/// A walk's result in one register: functions called by programs return nothing larger.
/// Bits 0–15 the zone, 16 [`LEAF`], 17 [`THROUGH_MOUNT`], 24–31 the reason where there is no zone.
#[derive(Clone, Copy)]
pub struct Found(pub u32);

/// The object's own mark or name decided.
const LEAF: u32 = 1 << 16;
/// A mount was crossed: mounts change without notice, so the result is not kept.
const THROUGH_MOUNT: u32 = 1 << 17;
const REASON_SHIFT: u32 = 24;

impl Found {
    #[inline(always)]
    fn nothing(reason: Reason) -> u32 {
        (reason as u32) << REASON_SHIFT
    }

    #[inline(always)]
    pub fn zone(self) -> Result<u32, Reason> {
        let zone = self.0 & 0xffff;
        if zone != 0 {
            return Ok(zone);
        }
        // An unknown number cannot come from this file; it is refused all the same.
        Err(match (self.0 >> REASON_SHIFT) as u16 {
            n if n == Reason::PathTooDeep as u16 => Reason::PathTooDeep,
            n if n == Reason::KernelFault as u16 => Reason::KernelFault,
            _ => Reason::UnresolvedObject,
        })
    }

    #[inline(always)]
    pub fn is_leaf(self) -> bool {
        self.0 & LEAF != 0
    }

    #[inline(always)]
    pub fn may_be_kept(self) -> bool {
        self.0 & 0xffff != 0 && self.0 & THROUGH_MOUNT == 0
    }
}

#[inline(always)]
fn mark(ino: u64, dev: u32, slot: u32) -> Mark {
    // SAFETY: copied at once.
    unsafe { MARKS.get(MarkKey { ino, dev, slot }) }.copied().unwrap_or_default()
}

/// What decides at one step: the rule for the child we came from, the object's mark, its name.
#[inline(always)]
fn decides(here: &Here, mark: Mark, exact_lengths: u64, slot: u32) -> u32 {
    if mark.flags & MARK_HAS_CHILDREN != 0 && here.child_len != 0 {
        let dev_slot = u64::from(here.dev) | (u64::from(slot) << 32);
        let zone = names::child(here.ino, dev_slot, here.child_len, here.child_name);
        if zone != names::NONE {
            return zone;
        }
    }
    if mark.zone != 0 {
        return u32::from(mark.zone);
    }
    names::exact(exact_lengths, slot, here.len, here.name)
}

struct Here {
    ino: u64,
    dev: u32,
    len: u32,
    name: u64,
    child_len: u32,
    child_name: u64,
}

#[inline(always)]
fn found(zone: u32, flags: u32) -> u32 {
    if zone == names::FAULT { Found::nothing(Reason::KernelFault) } else { zone | flags }
}

/// Walks within the file system; past its root only where the root has no mark.
#[inline(never)]
pub fn outward(dentry: Dentry, mount: u64, slot: u32) -> u32 {
    let dev = dentry.dev();
    let exact_lengths = names::lengths(slot).exact;
    let mut at = dentry;
    let (mut child_len, mut child_name) = (0, 0);
    for step in 0..WALK_STEPS_MAX {
        let ino = at.ino();
        let len = (at.name_hash_len() >> 32) as u32;
        let here = Here { ino, dev, len, name: at.name(), child_len, child_name };
        let mark = if ino == 0 { Mark::default() } else { mark(ino, dev, slot) };
        let zone = decides(&here, mark, exact_lengths, slot);
        if zone != names::NONE {
            return found(zone, if step == 0 { LEAF } else { 0 });
        }
        if step == 0 {
            let zone = names::ends(slot, len, here.name);
            if zone != names::NONE {
                return found(zone, LEAF);
            }
        }
        let parent = at.parent();
        if parent.0 == at.0 {
            if at.is_kernel_internal() {
                return u32::from(ZoneId::ANONYMOUS.0);
            }
            return through_mounts(at.address(), mount, slot, 1);
        }
        (child_len, child_name) = (len, here.name);
        at = parent;
    }
    Found::nothing(Reason::PathTooDeep)
}

/// The same walk by probe reads, through mounts: from a name that the verifier does not know, or, with
/// `skip` 1, on from the root of a file system that has no mark.
#[inline(never)]
pub fn through_mounts(dentry: u64, mount: u64, slot: u32, skip: u32) -> u32 {
    let exact_lengths = names::lengths(slot).exact;
    let mut at = Place { dentry, mount };
    let (mut child_len, mut child_name) = (0, 0);
    for step in 0..WALK_STEPS_MAX {
        let (Some(ino), Some(dev), Some((len, name))) = (at.ino(), at.dev(), at.name()) else {
            return Found::nothing(fail::closed(Site::WalkRead, 0));
        };
        if step >= skip {
            let here = Here { ino, dev, len, name, child_len, child_name };
            let zone = decides(&here, mark(ino, dev, slot), exact_lengths, slot);
            if zone != names::NONE {
                return found(zone, THROUGH_MOUNT);
            }
        }
        match at.outward() {
            Step::Up(place) => {
                // Crossing a mount, the root's own name (`/`) is nobody's child.
                (child_len, child_name) = if place.mount == at.mount { (len, name) } else { (0, 0) };
                at = place;
            }
            Step::Unrooted | Step::Root => return Found::nothing(Reason::UnresolvedObject),
            Step::Fault => return Found::nothing(fail::closed(Site::WalkRead, 0)),
        }
    }
    Found::nothing(Reason::PathTooDeep)
}
