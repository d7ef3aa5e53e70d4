//! The short way, which most uses of a file take: its zone is kept, this agent's use of it is on record, and every
//! switch and edge allows it. Whatever is otherwise takes the long way, which says what it is: nothing is refused here.

use guard_common::{Operation, Surface};

use crate::cell;
use crate::checks::{kill_switch, surface};
use crate::emit;
use crate::kernel::File;
use crate::kernel::offsets::injects_faults;
use crate::subject::Subject;
use crate::zone;

/// What is asked: a bit for each surface, and from bit [`TOLD`] those of them that must be on record.
pub const TOLD: u32 = 16;

/// Whether the use is allowed, and counted.
#[inline(always)]
pub fn is_settled(subject: &Subject, file: File, operation: Operation, asked: u32) -> bool {
    if allows(subject.mark(), subject.private(), subject.generation, file, asked) == 0 {
        return false;
    }
    emit::count_allow(operation as u16);
    true
}

/// A function of its own: what it keeps on the stack does not lie under a walk.
#[inline(never)]
fn allows(mark: u32, private: u32, generation: u64, file: File, asked: u32) -> u32 {
    let subject = Subject::of_parts(mark, private, generation);
    // Places that fail on purpose lie on the long way.
    if injects_faults() || !kill_switch::is_off(&subject) || file.inode().is_device() {
        return 0;
    }
    for used in [Surface::Exec, Surface::Read, Surface::Write] {
        if asked & (1 << used as u32) != 0 && surface::check(used).is_err() {
            return 0;
        }
    }
    let zone = zone::of_told_file(&subject, file, asked >> TOLD);
    u32::from(zone != 0 && cell::allows(&subject, zone, asked))
}
