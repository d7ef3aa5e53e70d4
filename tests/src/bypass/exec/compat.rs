//! From a program of 32 bits: other numbers, other layouts, the same kernel.

use super::{BOTH, Trick, alike_at};
use crate::harness::fixture::COMPAT;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: None,
    cases: || {
        let sentence = "a_program_of_32_bits_cannot_run_it";
        alike_at(BOTH, "E63", sentence, &format!("exec {COMPAT} exec"))
    },
};
