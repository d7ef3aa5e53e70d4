//! Holding up whoever opens a file.

use guard_common::{Operation, Surface};

use super::{Effect, Refusal, TWO_PLACES, Trick, at};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: Some(include_str!("lease.py")),
    cases: || {
        let leased = Effect::Told("leased");
        at(
            TWO_PLACES,
            "F55",
            "nobody_waits_for_an_agent_that_may_only_read",
            Refusal::no_edge(Surface::Write, Operation::Access),
            ("!file.lease.taken {pd}/p", &leased),
            ("!file.lease.taken {w}/f", &leased),
        )
    },
};
