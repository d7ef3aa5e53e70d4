//! Findings to one verdict. The strongest wins whatever their order: a fail or an error denies, an abstain never
//! passes, and where nobody passes it the action is denied.

use guard_common::Verdict;

use crate::model::finding::{Answer, Finding};

/// The verdict that findings add up to.
pub fn weigh(findings: &[Finding]) -> Verdict {
    let strongest = findings.iter().map(|finding| strength(finding.answer)).max();
    match strongest {
        Some(Strength::Passes) => Verdict::Allow,
        None | Some(Strength::Silent | Strength::Undecided | Strength::Refuses) => Verdict::Deny,
    }
}

/// Weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Silent,
    Passes,
    Undecided,
    Refuses,
}

fn strength(answer: Answer) -> Strength {
    match answer {
        Answer::NotApplicable => Strength::Silent,
        Answer::Pass => Strength::Passes,
        Answer::Abstain => Strength::Undecided,
        Answer::Fail | Answer::Error => Strength::Refuses,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finding(answer: Answer) -> Finding {
        Finding::exact("test", answer, "")
    }

    fn verdict(answers: &[Answer]) -> Verdict {
        weigh(&answers.iter().copied().map(finding).collect::<Vec<_>>())
    }

    #[test]
    fn no_findings_means_deny() {
        assert_eq!(verdict(&[]), Verdict::Deny);
    }

    #[test]
    fn an_abstain_never_passes() {
        assert_eq!(verdict(&[Answer::Abstain]), Verdict::Deny);
        assert_eq!(verdict(&[Answer::Pass, Answer::Abstain, Answer::Pass]), Verdict::Deny);
    }

    #[test]
    fn a_fail_or_an_error_denies_however_many_pass() {
        assert_eq!(verdict(&[Answer::Pass, Answer::Pass, Answer::Fail]), Verdict::Deny);
        assert_eq!(verdict(&[Answer::Error, Answer::Pass, Answer::Pass]), Verdict::Deny);
    }

    #[test]
    fn what_concerns_nobody_is_denied() {
        assert_eq!(verdict(&[Answer::NotApplicable, Answer::NotApplicable]), Verdict::Deny);
    }

    #[test]
    fn one_pass_among_the_unconcerned_allows() {
        assert_eq!(verdict(&[Answer::NotApplicable, Answer::Pass]), Verdict::Allow);
    }

    fn any_answer() -> impl Strategy<Value = Answer> {
        prop_oneof![
            Just(Answer::Pass),
            Just(Answer::Fail),
            Just(Answer::Abstain),
            Just(Answer::Error),
            Just(Answer::NotApplicable),
        ]
    }

    proptest! {
        #[test]
        fn the_order_of_findings_means_nothing(
            (given, shuffled) in prop::collection::vec(any_answer(), 0..12)
                .prop_flat_map(|answers| (Just(answers.clone()), Just(answers).prop_shuffle()))
        ) {
            prop_assert_eq!(verdict(&given), verdict(&shuffled));
        }

        #[test]
        fn a_further_finding_never_turns_a_refusal_into_an_allow_unless_all_were_silent(
            answers in prop::collection::vec(any_answer(), 1..12), more in any_answer()
        ) {
            let silent = answers.iter().all(|answer| *answer == Answer::NotApplicable);
            let mut longer = answers.clone();
            longer.push(more);
            if verdict(&answers) == Verdict::Deny && !silent {
                prop_assert_eq!(verdict(&longer), Verdict::Deny);
            }
        }
    }
}
