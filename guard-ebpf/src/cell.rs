//! May they: the cell of (profile, zone), and its edge for a surface.

use guard_common::limits::{PROFILES_MAX, ZONES_MAX};
use guard_common::map::cell::index;
use guard_common::map::enrol::NO_SLOT;
use guard_common::{Reason, Surface, Verdict};

use crate::fail::{self, Fault};
use crate::maps::CELLS;
use crate::subject::Subject;

/// Whether the zone graph allows every surface that has a bit in `uses`.
#[inline(always)]
pub fn allows(subject: &Subject, zone: u32, uses: u32) -> bool {
    if subject.profile >= PROFILES_MAX || zone >= ZONES_MAX {
        return false;
    }
    let Some(cell) = CELLS.get(index(subject.slot(), subject.profile, zone)) else { return false };
    let refuses =
        |surface: Surface| uses & (1 << surface as u32) != 0 && cell.verdict(surface) != Some(Verdict::Allow);
    !(refuses(Surface::Exec) || refuses(Surface::Read) || refuses(Surface::Write))
}

/// The zone graph's answer.
#[inline(always)]
pub fn verdict(subject: &Subject, zone: u32, surface: u32) -> Result<(), Reason> {
    if subject.profile >= PROFILES_MAX || zone >= ZONES_MAX {
        return Err(if subject.agent == NO_SLOT { Reason::NoSlot } else { Reason::NoEdge });
    }
    let Some(cell) = CELLS.get(index(subject.slot(), subject.profile, zone)) else {
        return Err(fail::closed(Fault::ArrayRow, 0));
    };
    match cell.verdict_by(surface) {
        Some(Verdict::Allow) => Ok(()),
        Some(Verdict::Hold) => Err(Reason::HoldUnavailable),
        Some(Verdict::Deny) => Err(Reason::EdgeDenies),
        None => Err(Reason::NoEdge),
    }
}
