//! Checks, in the order in which hooks ask them. Each answers pass, or the reason of the refusal.

pub mod kill_switch;
pub mod network_boundary;
pub mod surface;

use guard_common::{Reason, Surface};

use crate::subject::Subject;

/// What comes before any look at the object.
#[inline(always)]
pub fn switches(subject: &Subject, surface: Surface) -> Result<(), Reason> {
    switches_by(subject, surface as u32)
}

/// The same by the surface's number.
#[inline(always)]
pub fn switches_by(subject: &Subject, surface: u32) -> Result<(), Reason> {
    kill_switch::check(subject)?;
    surface::check_by(surface)?;
    subject.has_policy()
}
