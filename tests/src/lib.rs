//! Suites that run against a real kernel: `guard-suite` drives them, `guard-act` is what acts inside an agent,
//! `guard-bench` counts what that costs.
//!
//! Nothing here links the product. guard is seen as its users see it: by its command line, its `--json`, its
//! ledger, and by what happens to files and servers.

pub mod act;
pub mod bench;
pub mod bypass;
pub mod cli;
pub mod harness;
pub mod kernel;
pub mod ledger;
pub mod loads;
pub mod peer;
pub mod primitives;

/// Every case, in the order in which they run: what verifies the whole ledger while it is short, what kills the
/// daemon late, what has other programs loaded last.
pub fn all() -> Vec<harness::Test> {
    [primitives::all(), ledger::all(), bypass::all(), kernel::all(), cli::all(), loads::all()]
        .into_iter()
        .flatten()
        .collect()
}
