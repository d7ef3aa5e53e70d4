//! Network boundary: no crossing of the zone graph without an edge.

use guard_common::{Reason, Surface};

use crate::cell;
use crate::subject::Subject;

#[inline(always)]
pub fn check(subject: &Subject, zone: u32, surface: Surface) -> Result<(), Reason> {
    cell::verdict(subject, zone, surface)
}
