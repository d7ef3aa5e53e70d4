//! The loader that a program's file names, and the loader as a program of its own.

use super::{Cases, EXEC, Spot, Trick, Who, marked_at};
use crate::harness::fixture::{ELF_BY_X, SCRIPT_PLAIN};

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let who = Who::BOTH.map(|who| (Spot::Tmpfs, who));
    let (attack, allowed) = (format!("exec {ELF_BY_X} {{mark}}"), format!("exec {SCRIPT_PLAIN} {{mark}}"));
    marked_at(who, "E10", "a_loader_is_judged_too", EXEC, &attack, &allowed)
}
