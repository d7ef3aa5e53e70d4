//! Judges of one shape behind one trait. None knows another: what one promises stands in its own file, and
//! `engine` weighs what they say.

mod identity_binding;
mod kill_switch;
mod network_boundary;
mod signed_audit;

#[cfg(test)]
pub(crate) mod fixture;

use crate::model::action::Action;
use crate::model::finding::Finding;
use crate::model::state::State;

/// A judge of one promise.
pub trait Primitive: Sync {
    /// Its name: the stem of policy key, module, record and test.
    fn name(&self) -> &'static str;

    /// What it says about an action. Pure: the same action and state give the same finding.
    fn judge(&self, action: &Action, state: &State) -> Finding;
}

/// Every primitive. Their order means nothing.
pub const ALL: &[&dyn Primitive] = &[
    &kill_switch::KillSwitch,
    &identity_binding::IdentityBinding,
    &network_boundary::NetworkBoundary,
    &signed_audit::SignedAudit,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_primitive_answers_under_its_own_name() {
        let (action, state) = (fixture::action(), fixture::state());
        for primitive in ALL {
            assert_eq!(primitive.judge(&action, &state).primitive, primitive.name());
        }
    }

    #[test]
    fn every_reason_of_the_kernel_belongs_to_a_primitive_that_exists() {
        for reason in guard_common::Reason::ALL {
            assert!(ALL.iter().any(|primitive| primitive.name() == reason.primitive()), "{reason:?}");
        }
    }
}
