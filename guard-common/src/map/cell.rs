//! May they: (profile, zone) to one verdict per surface, in one array, so that the cost does not grow with
//! the policy.

use crate::limits::{PROFILES_MAX, ZONES_MAX};
use crate::{Surface, Verdict};

/// Two bits per surface: 0 no edge, 1 allow, 2 hold, 3 deny.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Cell {
    /// Verdicts, two bits each, by [`Surface`].
    pub verdicts: u32,
    /// Zero.
    pub flags: u32,
}

const _: () = assert!(size_of::<Cell>() == 8);

impl Cell {
    /// The edge's verdict for a surface; `None` where no edge leads.
    #[inline(always)]
    pub const fn verdict(self, surface: Surface) -> Option<Verdict> {
        self.verdict_by(surface as u32)
    }

    /// The same by the surface's number, below 16.
    #[inline(always)]
    pub const fn verdict_by(self, surface: u32) -> Option<Verdict> {
        match (self.verdicts >> ((surface & 15) * 2)) & 3 {
            1 => Some(Verdict::Allow),
            2 => Some(Verdict::Hold),
            3 => Some(Verdict::Deny),
            _ => None,
        }
    }

    /// The same cell with another verdict for one surface.
    #[must_use]
    pub const fn with(self, surface: Surface, verdict: Option<Verdict>) -> Self {
        let shift = surface as u32 * 2;
        let bits = match verdict {
            None => 0,
            Some(Verdict::Allow) => 1,
            Some(Verdict::Hold) => 2,
            Some(Verdict::Deny) => 3,
        };
        Self { verdicts: (self.verdicts & !(3 << shift)) | (bits << shift), flags: self.flags }
    }
}

/// Position of a cell in the array. Out-of-range numbers are the caller's to refuse.
#[inline(always)]
pub const fn index(slot: u32, profile: u32, zone: u32) -> u32 {
    (slot * PROFILES_MAX + profile) * ZONES_MAX + zone
}
