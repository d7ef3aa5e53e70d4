//! Network boundary. No crossing of the zone graph without an edge. Derives the kernel's verdict again from the
//! policy generation that the kernel names, and says when the two disagree. Does not resolve zones: which zone
//! an object lies in is the kernel's word.

use guard_common::{Operation, Reason, Verdict, ZoneId};

use super::Primitive;
use crate::model::action::{Action, KernelVerdict, Object};
use crate::model::finding::{Answer, Finding};
use crate::model::state::State;
use crate::model::state::policies::PolicyView;

const NAME: &str = "network_boundary";

pub(super) struct NetworkBoundary;

impl Primitive for NetworkBoundary {
    fn name(&self) -> &'static str {
        NAME
    }

    fn judge(&self, action: &Action, state: &State) -> Finding {
        let (answer, reason) = match looked_at_zone(action) {
            Looked::Up => derive(action, state),
            Looked::Refuses => whatever_the_policy(&action.kernel),
            Looked::AtArguments => at_arguments(action, state),
            Looked::Away(why) => (Answer::NotApplicable, why.to_owned()),
        };
        Finding::exact(NAME, answer, reason)
    }
}

/// How far the kernel came.
enum Looked {
    /// It found a zone and looked its cell up.
    Up,
    /// It could not find out, or refuses such a thing under every policy.
    Refuses,
    /// A rule on arguments spoke.
    AtArguments,
    /// It never needed a zone.
    Away(&'static str),
}

fn looked_at_zone(action: &Action) -> Looked {
    match action.kernel.reason {
        Reason::KillSwitch | Reason::KillSwitchAgent | Reason::SurfaceOff => {
            Looked::Away("a switch answered before the zone was looked at")
        }
        Reason::UnknownAgent | Reason::NoSlot => {
            Looked::Away("the kernel did not know whose edges to look at")
        }
        Reason::EdgeAllows if action.operation == Operation::Fork => Looked::Away("a fork crosses no zone"),
        Reason::UnresolvedObject
        | Reason::PathTooDeep
        | Reason::UnknownFamily
        | Reason::MalformedAddress
        | Reason::KernelFault
        | Reason::NoPolicy
        | Reason::DeviceNode
        | Reason::SourceRoute
        | Reason::ArgumentsTooLong
        | Reason::Traced
        | Reason::HoldsRoot => Looked::Refuses,
        Reason::ArgumentRule => Looked::AtArguments,
        Reason::EdgeAllows | Reason::NoEdge | Reason::EdgeDenies | Reason::HoldUnavailable => Looked::Up,
    }
}

fn whatever_the_policy(kernel: &KernelVerdict) -> (Answer, String) {
    let sentence = kernel.reason.sentence();
    match kernel.verdict {
        Verdict::Deny => (Answer::Fail, sentence.to_owned()),
        Verdict::Allow | Verdict::Hold => {
            let verdict = kernel.verdict.name();
            (Answer::Error, format!("the kernel says {verdict} although {sentence}"))
        }
    }
}

/// The arguments themselves are gone: whether there is such a rule is what can be said.
fn at_arguments(action: &Action, state: &State) -> (Answer, String) {
    let generation = action.kernel.generation;
    let Some(view) = state.policies.generation(generation) else {
        return (Answer::Abstain, format!("policy generation {generation} is not known any more"));
    };
    let crossing = crossing(view, action);
    let rules = view.arguments.get(&(action.actor.profile, action.kernel.zone.0));
    let rule = if let Object::Program { rule, .. } = &action.object {
        rules.and_then(|rules| rules.get(usize::from(*rule)))
    } else {
        None
    };
    match (rule, action.kernel.verdict) {
        (Some(rule), Verdict::Deny) => (Answer::Fail, format!("{crossing}: a rule forbids `{rule}`")),
        (Some(_), _) => (Answer::Error, format!("{crossing}: a rule spoke, and the kernel did not refuse")),
        (None, _) => (Answer::Error, format!("{crossing}: the policy has no such rule")),
    }
}

fn derive(action: &Action, state: &State) -> (Answer, String) {
    let generation = action.kernel.generation;
    let Some(view) = state.policies.generation(generation) else {
        return (Answer::Abstain, format!("policy generation {generation} is not known any more"));
    };
    let edge = edge(view, action);
    let crossing = crossing(view, action);
    match (edge, expected(edge) == (action.kernel.verdict, action.kernel.reason)) {
        (Some(Verdict::Allow), true) => (Answer::Pass, format!("{crossing}: the edge allows it")),
        (Some(Verdict::Deny), true) => (Answer::Fail, format!("{crossing}: the edge forbids it")),
        (Some(Verdict::Hold), true) => {
            (Answer::Fail, format!("{crossing}: to be held, and nobody can decide"))
        }
        (None, true) => (Answer::Fail, format!("{crossing}: there is no edge")),
        (_, false) => (Answer::Error, disagreement(&crossing, edge, &action.kernel)),
    }
}

// The guard zone and what was not resolved have no edge, whatever a table says.
fn edge(view: &PolicyView, action: &Action) -> Option<Verdict> {
    match action.kernel.zone {
        ZoneId::UNRESOLVED | ZoneId::GUARD => None,
        zone => view.edge(action.actor.profile, zone, action.surface),
    }
}

/// What the kernel has to answer, by the policy.
fn expected(edge: Option<Verdict>) -> (Verdict, Reason) {
    match edge {
        Some(Verdict::Allow) => (Verdict::Allow, Reason::EdgeAllows),
        Some(Verdict::Hold) => (Verdict::Deny, Reason::HoldUnavailable),
        Some(Verdict::Deny) => (Verdict::Deny, Reason::EdgeDenies),
        None => (Verdict::Deny, Reason::NoEdge),
    }
}

fn crossing(view: &PolicyView, action: &Action) -> String {
    let profile = view.profiles.get(&action.actor.profile).map_or("?", String::as_str);
    let zone = view.zones.get(&action.kernel.zone.0).map_or("?", String::as_str);
    format!("{profile} -> {zone} by {}", action.surface.name())
}

fn disagreement(crossing: &str, edge: Option<Verdict>, kernel: &KernelVerdict) -> String {
    let says = edge.map_or("no edge", Verdict::name);
    let (verdict, reason) = (kernel.verdict.name(), kernel.reason.name());
    format!("{crossing}: the policy says {says}, the kernel said {verdict} ({reason})")
}

#[cfg(test)]
mod tests {
    use guard_common::Surface;

    use super::*;
    use crate::primitives::fixture;

    fn answer(action: &Action) -> Answer {
        NetworkBoundary.judge(action, &fixture::state()).answer
    }

    fn with(mut action: Action, surface: Surface) -> Action {
        action.surface = surface;
        action
    }

    #[test]
    fn the_verdict_is_derived_again_from_the_policy() {
        let (work, elsewhere) = (ZoneId::WORK, ZoneId::ELSEWHERE);
        let refused = fixture::refused;
        let mut allowed_elsewhere = fixture::action();
        allowed_elsewhere.kernel.zone = elsewhere;
        let mut allowed_unknown = fixture::action();
        allowed_unknown.kernel.zone = ZoneId(99);
        let rows: &[(&str, Action, Answer)] = &[
            ("an edge allows", fixture::action(), Answer::Pass),
            ("no edge", with(refused(Reason::NoEdge, elsewhere), Surface::Exec), Answer::Fail),
            ("an edge forbids", with(refused(Reason::EdgeDenies, elsewhere), Surface::Write), Answer::Fail),
            ("a hold", with(refused(Reason::HoldUnavailable, elsewhere), Surface::Connect), Answer::Fail),
            ("allowed without an edge", allowed_unknown, Answer::Error),
            ("allowed against an edge", with(allowed_elsewhere.clone(), Surface::Write), Answer::Error),
            ("allowed instead of held", with(allowed_elsewhere, Surface::Connect), Answer::Error),
            ("refused against an edge", refused(Reason::NoEdge, work), Answer::Error),
            (
                "refused for the wrong reason",
                with(refused(Reason::NoEdge, elsewhere), Surface::Write),
                Answer::Error,
            ),
        ];
        for (name, action, wanted) in rows {
            assert_eq!(answer(action), *wanted, "{name}");
        }
    }

    #[test]
    fn what_the_kernel_could_not_find_out_fails_and_is_an_error_where_it_was_allowed() {
        let reasons = [
            Reason::UnresolvedObject,
            Reason::PathTooDeep,
            Reason::UnknownFamily,
            Reason::MalformedAddress,
            Reason::KernelFault,
            Reason::NoPolicy,
            Reason::DeviceNode,
            Reason::SourceRoute,
            Reason::ArgumentsTooLong,
            Reason::Traced,
            Reason::HoldsRoot,
        ];
        for reason in reasons {
            let mut action = fixture::refused(reason, ZoneId::UNRESOLVED);
            assert_eq!(answer(&action), Answer::Fail, "{reason:?}");
            action.kernel.verdict = Verdict::Allow;
            assert_eq!(answer(&action), Answer::Error, "{reason:?}");
        }
    }

    #[test]
    fn a_rule_on_arguments_is_named_and_one_that_is_not_there_is_an_error() {
        let mut state = fixture::state();
        let mut policy = fixture::policy();
        policy.arguments.insert((fixture::PROFILE, ZoneId::WORK.0), vec!["push --force*".to_owned()]);
        state.policies.take(policy);
        let mut action = fixture::refused(Reason::ArgumentRule, ZoneId::WORK);
        let mut finding = |rule| {
            action.object = Object::Program { path: "/usr/bin/git".to_owned(), dev: 1, ino: 2, rule };
            NetworkBoundary.judge(&action, &state)
        };
        let named = finding(0);
        assert_eq!(named.answer, Answer::Fail);
        assert!(named.reason.ends_with("a rule forbids `push --force*`"), "{}", named.reason);
        assert_eq!(finding(1).answer, Answer::Error);
    }

    #[test]
    fn a_switch_that_answered_first_is_not_this_primitives_concern() {
        for reason in [
            Reason::KillSwitch,
            Reason::KillSwitchAgent,
            Reason::SurfaceOff,
            Reason::UnknownAgent,
            Reason::NoSlot,
        ] {
            assert_eq!(
                answer(&fixture::refused(reason, ZoneId::UNRESOLVED)),
                Answer::NotApplicable,
                "{reason:?}"
            );
        }
    }

    #[test]
    fn a_generation_that_is_gone_is_abstained_on() {
        let mut action = fixture::action();
        action.kernel.generation = 1;
        assert_eq!(answer(&action), Answer::Abstain);
    }

    #[test]
    fn no_table_opens_the_guard_zone() {
        let mut state = fixture::state();
        let mut policy = fixture::policy();
        let cell = policy.cells[&(fixture::PROFILE, ZoneId::WORK.0)];
        policy.cells.insert((fixture::PROFILE, ZoneId::GUARD.0), cell);
        state.policies.take(policy);
        let mut action = fixture::action();
        action.kernel.zone = ZoneId::GUARD;
        assert_eq!(NetworkBoundary.judge(&action, &state).answer, Answer::Error);
    }
}
