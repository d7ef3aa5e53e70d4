//! X's descriptor, opened by somebody outside and handed over: it may be read, and so received; not run.

use super::{Cases, EXEC, PLAIN, Spot, Trick, Who, marked_at};
use crate::bypass::file::lenders;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("passed.py")), cases };

fn cases() -> Cases {
    let places = [(Spot::Tmpfs, Who::User), (Spot::Ext4, Who::Root)];
    let attack = "!exec.passed.run {w}/lender-busybox touch {mark}";
    let sentence = "a_program_that_is_handed_over_cannot_be_run";
    marked_at(places, "E65", sentence, EXEC, attack, PLAIN).prepared(lenders)
}
