//! Where: the zone of an object, by the nearest marked inode or ruled name between it and its file system's
//! root.
//!
//! The walk follows the file system, not the mounts: a bind mount, a chroot or a mount namespace shows an
//! object elsewhere and changes nothing. Only a file system that had no mark at its root when the policy was
//! loaded is left through its mount point: the host's own, wherever the agent sees it; else the one in the mount
//! namespace that its launcher made for it.

mod cache;
mod folders;
mod names;
mod walk;

pub use cache::{of_file, of_told_file};

use guard_common::{Reason, ZoneId};

use crate::fail::{self, Fault};
use crate::kernel::{Dentry, raw};
use crate::subject::Subject;

/// An object's zone.
#[derive(Clone, Copy)]
pub struct Place {
    /// The zone, as the subject sees it.
    pub zone: u32,
    /// The object itself is what was marked or ruled: what holds it lies in another zone.
    pub is_root: bool,
    /// It is a directory on the way to another zone's root.
    pub holds_root: bool,
}

/// The zone of a name, whether or not it has an object yet.
#[inline(always)]
pub fn of_dentry(subject: &Subject, dentry: Dentry, mount: u64) -> Result<Place, Reason> {
    let found = walk::outward(subject, dentry, mount, walk::Since::now(dentry));
    let zone = found.zone()?;
    Ok(Place { zone: subject.sees(zone), is_root: found.is_leaf(), holds_root: found.holds_root() })
}

/// The zone of a unix socket's name; the abstract namespace lies in none.
#[inline(always)]
pub fn of_socket(subject: &Subject, place: raw::Place) -> Result<u32, Reason> {
    if place.dentry == 0 {
        return Ok(u32::from(ZoneId::ELSEWHERE.0));
    }
    for fault in [Fault::WalkRead, Fault::NameRead] {
        if fail::injected(fault) {
            return Err(Reason::KernelFault);
        }
    }
    let found = walk::Found(walk::through_mounts(place.dentry, place.mount, subject.view()));
    Ok(subject.sees(found.zone()?))
}
