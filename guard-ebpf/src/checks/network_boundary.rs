//! Network boundary: no crossing of the zone graph without an edge.

use guard_common::{Reason, Surface};

use crate::cell;
use crate::subject::Subject;

#[inline(always)]
pub fn check(subject: &Subject, zone: u32, surface: Surface) -> Result<(), Reason> {
    cell::verdict(subject, zone, surface as u32)
}

/// The same by the surface's number.
#[inline(always)]
pub fn check_by(subject: &Subject, zone: u32, surface: u32) -> Result<(), Reason> {
    cell::verdict(subject, zone, surface)
}
