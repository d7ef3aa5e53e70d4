//! Signed audit. Nothing executes that cannot be recorded. Looks only at whether the ledger writes; what it
//! writes, and how it is signed, is the ledger's own.

use guard_common::Verdict;

use super::Primitive;
use crate::model::action::Action;
use crate::model::finding::{Answer, Finding};
use crate::model::state::{LedgerState, State};

const NAME: &str = "signed_audit";

pub(super) struct SignedAudit;

impl Primitive for SignedAudit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn judge(&self, action: &Action, state: &State) -> Finding {
        let (answer, reason) = match (action.kernel.verdict, &state.ledger) {
            (Verdict::Deny, _) => (Answer::NotApplicable, "nothing was executed".to_owned()),
            (Verdict::Allow | Verdict::Hold, LedgerState::Writes) => {
                (Answer::Pass, "the ledger writes".to_owned())
            }
            (Verdict::Allow | Verdict::Hold, LedgerState::Unknown) => {
                (Answer::Abstain, "the ledger was not tried yet".to_owned())
            }
            (Verdict::Allow | Verdict::Hold, LedgerState::Degraded(why)) => {
                (Answer::Error, format!("the ledger cannot write: {why}"))
            }
        };
        Finding::exact(NAME, answer, reason)
    }
}

#[cfg(test)]
mod tests {
    use guard_common::{Reason, ZoneId};

    use super::*;
    use crate::primitives::fixture;

    fn answer(action: &Action, ledger: LedgerState) -> Answer {
        let mut state = fixture::state();
        state.ledger = ledger;
        SignedAudit.judge(action, &state).answer
    }

    #[test]
    fn what_was_executed_needs_a_ledger_that_writes() {
        let degraded = || LedgerState::Degraded("no space left on device".to_owned());
        let allowed = fixture::action();
        let refused = fixture::refused(Reason::NoEdge, ZoneId::ELSEWHERE);
        let mut held = fixture::action();
        held.kernel.verdict = Verdict::Hold;
        assert_eq!(answer(&allowed, LedgerState::Writes), Answer::Pass);
        assert_eq!(answer(&held, LedgerState::Writes), Answer::Pass);
        assert_eq!(answer(&allowed, LedgerState::Unknown), Answer::Abstain);
        assert_eq!(answer(&allowed, degraded()), Answer::Error);
        assert_eq!(answer(&held, degraded()), Answer::Error);
        assert_eq!(answer(&refused, degraded()), Answer::NotApplicable);
    }
}
