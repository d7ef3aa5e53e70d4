//! Kill switch. One order halts all autonomous execution at once. Judges from the kill words and surface
//! switches that the kernel holds; where nobody can know what a word was at that instant, it takes the kernel's
//! own refusal for true and abstains on an allow.

use guard_common::map::switch::{KILL_ALL, KillMode};
use guard_common::{Reason, Verdict};

use super::Primitive;
use crate::model::action::Action;
use crate::model::finding::{Answer, Finding};
use crate::model::state::State;
use crate::model::state::switches::Was;

const NAME: &str = "kill_switch";

pub(super) struct KillSwitch;

impl Primitive for KillSwitch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn judge(&self, action: &Action, state: &State) -> Finding {
        let (answer, reason) = match refusing_switch(action) {
            Some(switch) => refused_by(switch, action, state),
            None => not_refused(action, state),
        };
        Finding::exact(NAME, answer, reason)
    }
}

/// The three switches an action can run into.
#[derive(Clone, Copy)]
enum Switch {
    KillAll,
    KillAgent,
    Surface,
}

const SWITCHES: [Switch; 3] = [Switch::KillAll, Switch::KillAgent, Switch::Surface];

fn refusing_switch(action: &Action) -> Option<Switch> {
    match action.kernel.reason {
        Reason::KillSwitch => Some(Switch::KillAll),
        Reason::KillSwitchAgent => Some(Switch::KillAgent),
        Reason::SurfaceOff => Some(Switch::Surface),
        Reason::EdgeAllows
        | Reason::NoEdge
        | Reason::EdgeDenies
        | Reason::HoldUnavailable
        | Reason::UnresolvedObject
        | Reason::PathTooDeep
        | Reason::UnknownFamily
        | Reason::MalformedAddress
        | Reason::KernelFault
        | Reason::NoPolicy
        | Reason::DeviceNode
        | Reason::SourceRoute
        | Reason::ArgumentRule
        | Reason::ArgumentsTooLong
        | Reason::Traced
        | Reason::HoldsRoot
        | Reason::UnknownAgent
        | Reason::NoSlot => None,
    }
}

fn refused_by(switch: Switch, action: &Action, state: &State) -> (Answer, String) {
    let sentence = action.kernel.reason.sentence();
    match (action.kernel.verdict, halts(switch, action, state)) {
        (Verdict::Allow | Verdict::Hold, _) => {
            let verdict = action.kernel.verdict.name();
            (Answer::Error, format!("the kernel says {verdict} and gives a refusal's reason: {sentence}"))
        }
        (Verdict::Deny, Was::Certainly(true) | Was::Uncertain) => (Answer::Fail, sentence.to_owned()),
        (Verdict::Deny, Was::Certainly(false)) => (
            Answer::Error,
            format!("the kernel refused ({sentence}), but the switch was not read as set then"),
        ),
    }
}

fn not_refused(action: &Action, state: &State) -> (Answer, String) {
    let on = |wanted| SWITCHES.iter().any(|switch| halts(*switch, action, state) == wanted);
    if on(Was::Certainly(true)) {
        return match action.kernel.verdict {
            Verdict::Deny => {
                (Answer::Fail, "a switch was set, and the kernel refused for another reason".to_owned())
            }
            Verdict::Allow | Verdict::Hold => {
                (Answer::Error, "a switch was set, and the kernel did not refuse".to_owned())
            }
        };
    }
    if on(Was::Uncertain) {
        return (Answer::Abstain, "a switch changed about then, or has not been read since".to_owned());
    }
    (Answer::Pass, "no kill order stood, and the surface was on".to_owned())
}

fn halts(switch: Switch, action: &Action, state: &State) -> Was<bool> {
    match switch {
        Switch::KillAll => killed(state.switches.kill_at(KILL_ALL, action.at)),
        Switch::KillAgent => killed(state.switches.kill_at(action.actor.slot, action.at)),
        Switch::Surface => state.switches.off_at(action.surface, action.at),
    }
}

fn killed(word: Was<KillMode>) -> Was<bool> {
    match word {
        Was::Certainly(KillMode::Run) => Was::Certainly(false),
        Was::Certainly(KillMode::Freeze | KillMode::Terminate) => Was::Certainly(true),
        Was::Uncertain => Was::Uncertain,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use guard_common::{Surface, ZoneId};

    use super::*;
    use crate::model::state::switches::Reading;
    use crate::primitives::fixture;

    /// Switches that were set long before the action and read again after it.
    fn state_with(kill: &[(u32, KillMode)], off: &[Surface]) -> State {
        let mut state = fixture::state();
        state.switches = Default::default();
        let kill: BTreeMap<u32, KillMode> = kill.iter().copied().collect();
        for at in [1, 2, fixture::AT + 1] {
            state.switches.read(&Reading { began: at, at, kill: kill.clone(), off: off.to_vec() });
        }
        state
    }

    fn answer(action: &Action, state: &State) -> Answer {
        KillSwitch.judge(action, state).answer
    }

    #[test]
    fn the_answer_follows_the_words_that_the_kernel_holds() {
        let allowed = fixture::action();
        let killed = fixture::refused(Reason::KillSwitch, ZoneId::UNRESOLVED);
        let killed_agent = fixture::refused(Reason::KillSwitchAgent, ZoneId::UNRESOLVED);
        let off = fixture::refused(Reason::SurfaceOff, ZoneId::UNRESOLVED);
        let quiet = state_with(&[], &[]);
        let all = state_with(&[(KILL_ALL, KillMode::Terminate)], &[]);
        let agent = state_with(&[(fixture::SLOT, KillMode::Freeze)], &[]);
        let other = state_with(&[(fixture::SLOT + 1, KillMode::Terminate)], &[]);
        let surface = state_with(&[], &[Surface::Read]);
        let rows: &[(&str, &Action, &State, Answer)] = &[
            ("nothing stands", &allowed, &quiet, Answer::Pass),
            ("another agent's order", &allowed, &other, Answer::Pass),
            ("another surface is off", &allowed, &state_with(&[], &[Surface::Write]), Answer::Pass),
            ("everybody's order", &killed, &all, Answer::Fail),
            ("this agent's order", &killed_agent, &agent, Answer::Fail),
            ("the surface is off", &off, &surface, Answer::Fail),
            ("allowed under everybody's order", &allowed, &all, Answer::Error),
            ("allowed under this agent's order", &allowed, &agent, Answer::Error),
            ("allowed on a surface that is off", &allowed, &surface, Answer::Error),
            ("refused by an order that nobody gave", &killed, &quiet, Answer::Error),
            ("refused by a surface that was on", &off, &quiet, Answer::Error),
        ];
        for (name, action, state, wanted) in rows {
            assert_eq!(answer(action, state), *wanted, "{name}");
        }
    }

    #[test]
    fn an_allow_at_the_time_of_a_change_is_abstained_on_and_a_refusal_is_believed() {
        let mut state = fixture::state();
        let kill = BTreeMap::from([(KILL_ALL, KillMode::Terminate)]);
        state.switches.read(&Reading { began: 5_000, at: 5_000, kill, off: Vec::new() });
        let mut allowed = fixture::action();
        allowed.at = 3_000;
        let mut refused = fixture::refused(Reason::KillSwitch, ZoneId::UNRESOLVED);
        refused.at = 3_000;
        assert_eq!(answer(&allowed, &state), Answer::Abstain);
        assert_eq!(answer(&refused, &state), Answer::Fail);
    }

    #[test]
    fn kill_switch_concerns_every_action() {
        for reason in Reason::ALL {
            let action = fixture::refused(*reason, ZoneId::UNRESOLVED);
            assert_ne!(answer(&action, &fixture::state()), Answer::NotApplicable, "{reason:?}");
        }
    }

    #[test]
    fn an_allow_with_a_refusals_reason_is_an_error() {
        let mut action = fixture::action();
        action.kernel.reason = Reason::KillSwitch;
        assert_eq!(answer(&action, &state_with(&[(KILL_ALL, KillMode::Freeze)], &[])), Answer::Error);
    }
}
