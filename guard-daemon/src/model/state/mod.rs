//! What judgement rests on: policies, instances, switches, ledger. Owned by the loop, changed by `engine::step`
//! alone. Knows no clock: every time in it came with an input.

pub mod instances;
pub mod orders;
pub mod policies;
pub mod switches;

use instances::Instances;
use orders::Orders;
use policies::Policies;
use switches::Switches;

/// Everything that a primitive may look at beside the action.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Policy generations, the newest last.
    pub policies: Policies,
    /// Instances, living and ended.
    pub instances: Instances,
    /// Kill words and surface switches, as the kernel holds them.
    pub switches: Switches,
    /// Kill orders that stand.
    pub orders: Orders,
    /// Whether records can be kept.
    pub ledger: LedgerState,
}

/// Whether the ledger can write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LedgerState {
    /// Nobody tried yet.
    #[default]
    Unknown,
    /// It writes.
    Writes,
    /// It does not, and why. Nothing is widened until it does again.
    Degraded(String),
}
