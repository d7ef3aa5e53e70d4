//! Writing from a program of 32 bits, by the old gate.

use guard_common::Operation;

use super::{TWO_PLACES, Trick, on_pd_at};
use crate::harness::fixture::COMPAT;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: None,
    cases: || {
        let sentence = "a_program_of_32_bits_does_not_write";
        let line = |path| format!("exec {COMPAT} write {path}");
        on_pd_at(TWO_PLACES, "F28b", sentence, Operation::Open, &line("{pd}/p"), &line("{w}/f"))
    },
};
