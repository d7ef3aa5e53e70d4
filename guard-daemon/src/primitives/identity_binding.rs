//! Identity binding. Every record names agent, instance, profile and executable, by the kernel's word. Never
//! believes what an agent says of itself: name, uid and arguments count for nothing here.

use super::Primitive;
use crate::model::action::{Action, Executable};
use crate::model::finding::{Answer, Finding};
use crate::model::state::State;
use crate::model::state::instances::Enrolled;

const NAME: &str = "identity_binding";

pub(super) struct IdentityBinding;

impl Primitive for IdentityBinding {
    fn name(&self) -> &'static str {
        NAME
    }

    fn judge(&self, action: &Action, state: &State) -> Finding {
        let slot = action.actor.slot;
        let (answer, reason) = match state.instances.by_slot(slot) {
            Some(enrolled) => agrees(action, enrolled),
            None => (Answer::Fail, format!("label {slot} is not known to this daemon")),
        };
        Finding::exact(NAME, answer, reason)
    }
}

fn agrees(action: &Action, enrolled: &Enrolled) -> (Answer, String) {
    let (actor, instance) = (&action.actor, &enrolled.instance);
    let who = format!("{} ({})", instance.agent, instance.instance);
    if actor.profile != enrolled.profile {
        let (label, known) = (actor.profile, enrolled.profile);
        return (Answer::Fail, format!("the label's profile {label} is not profile {known} of {who}"));
    }
    if action.at < enrolled.since {
        return (Answer::Fail, format!("the action is older than {who}, whose label it carries"));
    }
    // A process moved to another cgroup keeps its label: the policy still holds, the record says where it is.
    if let Some(known) = enrolled.cgroup
        && actor.cgroup != known
        && !enrolled.below.contains(&actor.cgroup)
    {
        let now = actor.cgroup;
        return (Answer::Fail, format!("acts from cgroup {now}, and {who} was enrolled in cgroup {known}"));
    }
    match &action.executable {
        Executable::Sha256(_) => (Answer::Pass, format!("{who}; executable read")),
        Executable::Absent(why) => (Answer::Pass, format!("{who}; executable unknown: {why}")),
        Executable::NotRead => (Answer::Abstain, format!("{who}; nobody looked at the executable")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::fixture;

    fn answer(change: impl FnOnce(&mut Action, &mut State)) -> Answer {
        let (mut action, mut state) = (fixture::action(), fixture::state());
        change(&mut action, &mut state);
        IdentityBinding.judge(&action, &state).answer
    }

    #[test]
    fn an_action_is_bound_only_where_label_profile_cgroup_and_time_agree() {
        assert_eq!(answer(|_, _| ()), Answer::Pass);
        assert_eq!(answer(|action, _| action.actor.slot = 8), Answer::Fail, "unknown label");
        assert_eq!(answer(|action, _| action.actor.profile = 9), Answer::Fail, "another profile");
        assert_eq!(answer(|action, _| action.actor.cgroup = 1), Answer::Fail, "left its cgroup");
        assert_eq!(answer(|action, _| action.actor.cgroup += 1), Answer::Pass, "below its cgroup");
        assert_eq!(answer(|action, _| action.at = 9), Answer::Fail, "before the launch");
    }

    #[test]
    fn an_executable_is_read_or_said_to_be_absent_and_never_passed_over() {
        assert_eq!(answer(|action, _| action.executable = Executable::NotRead), Answer::Abstain);
        let finding = {
            let mut action = fixture::action();
            action.executable = Executable::Absent("process 100 has ended".to_owned());
            IdentityBinding.judge(&action, &fixture::state())
        };
        assert_eq!(finding.answer, Answer::Pass);
        assert!(finding.reason.contains("process 100 has ended"), "{}", finding.reason);
    }

    #[test]
    fn the_last_events_of_an_ended_instance_are_still_its_own() {
        let ended = |_: &mut Action, state: &mut State| {
            state.instances.end(fixture::SLOT, 2_000);
        };
        assert_eq!(answer(ended), Answer::Pass);
    }

    #[test]
    fn identity_binding_concerns_every_action() {
        assert_ne!(
            answer(|action, _| action.object = crate::model::action::Object::Task),
            Answer::NotApplicable
        );
    }
}
