//! Surface switches: is this class of action allowed to run right now?

use guard_common::{Reason, Surface};

use crate::fail::{self, Fault};
use crate::maps::SURFACES_OFF;

#[inline(always)]
pub fn check(surface: Surface) -> Result<(), Reason> {
    check_by(surface as u32)
}

/// The same by the surface's number.
#[inline(always)]
pub fn check_by(surface: u32) -> Result<(), Reason> {
    match SURFACES_OFF.get(surface) {
        Some(0) => Ok(()),
        Some(_) => Err(Reason::SurfaceOff),
        None => Err(fail::closed(Fault::ArrayRow, 0)),
    }
}
