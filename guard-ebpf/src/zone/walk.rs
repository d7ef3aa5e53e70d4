//! The walk outward from a name, to the first mark or rule.

use guard_common::limits::WALK_STEPS_MAX;
use guard_common::map::zone::{DEV_OF_DIRECTORY, MARK_HAS_CHILDREN, MARK_HOLDS_ROOT, Mark, MarkKey};
use guard_common::{Reason, ZoneId};

use super::{folders, names};
use crate::epoch;
use crate::fail::{self, Fault};
use crate::kernel::Dentry;
use crate::kernel::loops::{END, GO_ON, opaque, repeat, unknown};
use crate::kernel::raw::{MOUNTS_MAX, Place, Way};
use crate::maps::MARKS;
use crate::subject::Subject;

/// A walk's result in one register: functions called by programs return nothing larger.
/// Bits 0–15 the zone, 16 [`LEAF`], 17 [`THROUGH_MOUNT`], 18 [`HOLDS_ROOT`], 19 [`WAS_MOVED`], 24–31 the reason
/// where there is no zone.
#[derive(Clone, Copy)]
pub struct Found(pub u32);

/// The object's own mark or name decided.
const LEAF: u32 = 1 << 16;
/// A mount was crossed: mounts change without notice, so the result is not kept.
const THROUGH_MOUNT: u32 = 1 << 17;
/// The object is a directory on the way to another zone's root.
const HOLDS_ROOT: u32 = 1 << 18;
/// The object was moved during the walk, which may have led into another folder than is thought: nothing is kept of it.
const WAS_MOVED: u32 = 1 << 19;
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
    pub fn holds_root(self) -> bool {
        self.0 & HOLDS_ROOT != 0
    }

    #[inline(always)]
    pub fn may_be_kept(self) -> bool {
        self.0 & 0xffff != 0 && self.0 & (THROUGH_MOUNT | WAS_MOVED) == 0
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

#[inline(always)]
fn keyed(dev: u32, is_directory: bool) -> u32 {
    if is_directory { dev | DEV_OF_DIRECTORY } else { dev }
}

struct Here {
    ino: u64,
    /// As in a mark's key.
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

/// A walk within one file system.
struct Walk {
    at: Dentry,
    dev: u32,
    slot: u32,
    child_len: u32,
    /// 0 until something decided: see [`Found`].
    found: u32,
    child_name: u64,
    /// Zone by the rules for the end or start of the object's own name.
    own_name: u32,
    /// [`HOLDS_ROOT`], [`RULES_CHILDREN`].
    flags: u32,
}

/// The directory that the object stands in has rules for names that stand in it.
const RULES_CHILDREN: u32 = 1;

/// Nothing decided, up to the file system's root.
pub const AT_ROOT: u32 = THROUGH_MOUNT;
/// Nothing decided, up to another root than its file system's: NFS has one for each mount.
const AT_OTHER_ROOT: u32 = THROUGH_MOUNT | WAS_MOVED;

/// Since when a name is what it is.
#[derive(Clone, Copy)]
pub struct Since {
    /// Of the directory that it stands in.
    pub epoch: u64,
    /// How often the name, its directory or its inode had changed before: [`SEQUENCE_BITS`] of it.
    pub sequence: u32,
}

/// What there is room for beside what is kept.
pub const SEQUENCE_BITS: u32 = 0xff_ffff;

impl Since {
    #[inline(always)]
    pub fn now(dentry: Dentry) -> Self {
        let sequence = dentry.sequence() & SEQUENCE_BITS;
        Self { epoch: epoch::of(dentry.parent().parent().ino()), sequence }
    }

    /// Whether nothing changed, nor was changing then.
    #[inline(always)]
    fn holds(self, dentry: Dentry) -> bool {
        self.sequence % 2 == 0 && dentry.sequence() & SEQUENCE_BITS == self.sequence
    }
}

/// Walks within the file system; through mounts only where its root has no mark.
#[inline(always)]
pub fn outward(subject: &Subject, dentry: Dentry, mount: u64, since: Since) -> Found {
    for fault in [Fault::WalkRead, Fault::NameRead] {
        if fail::injected(fault) {
            return Found(Found::nothing(Reason::KernelFault));
        }
    }
    let found = within(dentry, subject.generation, since.epoch, since.sequence);
    let from = match found {
        AT_ROOT => dentry.superblock().root().address(),
        AT_OTHER_ROOT => dentry.address(),
        found => return Found(found),
    };
    Found(through_mounts(from, mount, subject.view()))
}

/// Looks at the object itself, and at what holds it unless that is known.
#[inline(never)]
fn within(dentry: Dentry, generation: u64, epoch: u64, sequence: u32) -> u32 {
    let slot = (generation & 1) as u32;
    let dev = dentry.dev();
    let kept = folders::kept(dentry.parent(), keyed(dev, true), generation, epoch);
    let mut walk = Walk {
        own_name: names::ends(slot, dentry.name_len(), dentry.name()),
        at: dentry,
        dev,
        slot,
        child_len: opaque(0),
        found: opaque(0),
        child_name: unknown(),
        flags: opaque(0),
    };
    repeat(if kept == folders::NONE { WALK_STEPS_MAX } else { 1 }, &mut walk, step_outward);
    let (walked, flags) = (opaque(walk.found), opaque(walk.flags));
    let found = if walked == 0 { kept } else { walked };
    if found == folders::NONE {
        return Found::nothing(Reason::PathTooDeep);
    }
    if walked == AT_ROOT {
        if walk.at.is_nameless() {
            return u32::from(ZoneId::ANONYMOUS.0);
        }
        if walk.at.0 != walk.at.superblock().root().0 {
            return AT_OTHER_ROOT;
        }
    }
    // Read before it is asked: who is moved later was in this folder. Nor held meanwhile, for want of stack.
    let folder = dentry.parent();
    let is_moved = !(Since { epoch, sequence }).holds(dentry);
    let is_of_folder = found & LEAF == 0
        && (found & 0xffff != 0 || found == AT_ROOT)
        && flags & RULES_CHILDREN == 0
        && folder.0 != dentry.0;
    if is_of_folder && kept == folders::NONE && !is_moved {
        folders::keep(folder, keyed(dentry.dev(), true), generation, epoch, found);
    }
    if found == AT_ROOT {
        return found;
    }
    found | flags & HOLDS_ROOT | if is_moved { WAS_MOVED } else { 0 }
}

fn step_outward(step: u32, walk: *mut Walk) -> i64 {
    // SAFETY: the state of `within`.
    let walk = unsafe { &mut *walk };
    let at = walk.at;
    let here = Here {
        ino: at.ino(),
        dev: keyed(walk.dev, at.is_directory()),
        len: at.name_len(),
        name: at.name(),
        child_len: walk.child_len,
        child_name: walk.child_name,
    };
    let mark = if here.ino == 0 { Mark::default() } else { mark(here.ino, here.dev, walk.slot) };
    if step == 0 && mark.flags & MARK_HOLDS_ROOT != 0 {
        walk.flags |= HOLDS_ROOT;
    }
    if step == 1 && mark.flags & MARK_HAS_CHILDREN != 0 {
        walk.flags |= RULES_CHILDREN;
    }
    let mut zone = decides(&here, mark, names::lengths(walk.slot).exact, walk.slot);
    if zone == names::NONE && step == 0 {
        zone = walk.own_name;
    }
    if zone != names::NONE {
        walk.found = found(zone, if step == 0 { LEAF } else { 0 });
        return END;
    }
    let parent = at.parent();
    if parent.0 == at.0 {
        walk.found = AT_ROOT;
        return END;
    }
    walk.child_len = here.len;
    walk.child_name = here.name;
    walk.at = parent;
    GO_ON
}

/// A walk through mounts.
struct Crossing {
    at: Place,
    /// Of [`Place::turn_to_host`].
    seek: u64,
    slot: u32,
    /// Mount namespace that was made for the agent; 0 for none.
    mounts: u32,
    child_len: u32,
    found: u32,
    child_name: u64,
}

/// Whoever has a mount namespace of its own chooses where a file system stands in it. The host's own mount of it
/// counts, if there is one; else that of the agent's launcher. A function, so that what follows is read once.
#[inline(never)]
fn stands_elsewhere(at: &Place, mounts: u32) -> u32 {
    let is_taken_on_trust = at.is_on_host_mount() || (mounts != 0 && at.mount_namespace() == mounts);
    u32::from(at.is_root() && !is_taken_on_trust)
}

/// The same walk by probe reads, on through mounts: from a name that the verifier does not know, or on a file
/// system whose root has no mark.
#[inline(never)]
pub fn through_mounts(dentry: u64, mount: u64, view: u64) -> u32 {
    let slot = view as u32;
    let mut crossing = Crossing {
        at: opaque(Place { dentry, mount }),
        seek: unknown(),
        slot,
        mounts: (view >> 32) as u32,
        child_len: opaque(0),
        found: opaque(0),
        child_name: unknown(),
    };
    repeat(WALK_STEPS_MAX + MOUNTS_MAX, &mut crossing, step_through);
    let found = opaque(crossing.found);
    if found == 0 { Found::nothing(Reason::PathTooDeep) } else { found }
}

fn step_through(_: u32, crossing: *mut Crossing) -> i64 {
    // SAFETY: the state of `through_mounts`.
    let crossing = unsafe { &mut *crossing };
    if !crossing.at.turn_to_host(&mut crossing.seek) {
        return GO_ON;
    }
    crossing.seek = 0;
    let at = crossing.at;
    let (ino, dev, len, name) = (at.ino(), at.dev(), at.name_len(), at.name());
    if dev == 0 || name == 0 {
        crossing.found = Found::nothing(fail::closed(Fault::WalkRead, 0));
        return END;
    }
    let (child_len, child_name) = (crossing.child_len, crossing.child_name);
    let dev = keyed(dev, at.is_directory());
    let here = Here { ino, dev, len, name, child_len, child_name };
    let exact_lengths = names::lengths(crossing.slot).exact;
    let zone = decides(&here, mark(ino, dev, crossing.slot), exact_lengths, crossing.slot);
    if zone != names::NONE {
        crossing.found = found(zone, THROUGH_MOUNT);
        return END;
    }
    if opaque(stands_elsewhere(&crossing.at, crossing.mounts)) != 0 {
        crossing.found = Found::nothing(Reason::UnresolvedObject);
        return END;
    }
    let outward = at.outward(at.directory().dentry);
    let crosses = outward.to.mount != at.mount;
    // Crossing a mount, the root's own name (`/`) is nobody's child.
    crossing.child_len = if crosses { 0 } else { len };
    crossing.child_name = name;
    crossing.at = outward.to;
    match outward.way {
        Way::Up => return GO_ON,
        Way::Unrooted | Way::Root => crossing.found = Found::nothing(Reason::UnresolvedObject),
        Way::Fault => crossing.found = Found::nothing(fail::closed(Fault::WalkRead, 0)),
    }
    END
}
