//! What the kernel decided, judged again. Its verdict is already in force and stays what it was; where the
//! primitives come to another one, that is a finding of its own in the record.

use guard_common::Verdict;

use super::{durable, routine, weigh};
use crate::model::action::{Action, Executable};
use crate::model::effect::{Effect, Notice};
use crate::model::finding::{Answer, Finding};
use crate::model::record::{Enforce, Record};
use crate::model::state::State;
use crate::primitives;

/// The name under which the engine's own finding stands in a record.
const ENGINE: &str = "engine";

pub(super) fn judge(state: &State, action: Action) -> Vec<Effect> {
    let mut findings: Vec<Finding> = primitives::ALL.iter().map(|one| one.judge(&action, state)).collect();
    let disagreement = disagreement(&findings, action.kernel.verdict);
    let agreed = disagreement.is_none();
    findings.extend(disagreement);
    let verdict = action.kernel.verdict;
    let record = record(state, action, findings);
    match verdict {
        Verdict::Deny | Verdict::Hold => {
            let notice = Notice::of(&record);
            vec![durable(Record::Enforce(Box::new(record))), Effect::Notify(Box::new(notice))]
        }
        Verdict::Allow if agreed => vec![routine(Record::Enforce(Box::new(record)))],
        Verdict::Allow => vec![durable(Record::Enforce(Box::new(record)))],
    }
}

fn disagreement(findings: &[Finding], kernel: Verdict) -> Option<Finding> {
    let own = weigh(findings);
    let erring = findings.iter().any(|finding| finding.answer == Answer::Error);
    let reason = match (kernel, own) {
        (Verdict::Allow, Verdict::Allow) => return None,
        (Verdict::Deny | Verdict::Hold, Verdict::Deny | Verdict::Hold) if !erring => return None,
        (Verdict::Deny | Verdict::Hold, Verdict::Deny | Verdict::Hold) => {
            "both refuse, and a primitive disputes the kernel's reason".to_owned()
        }
        (Verdict::Allow, Verdict::Deny | Verdict::Hold) | (Verdict::Deny | Verdict::Hold, Verdict::Allow) => {
            format!("the kernel said {}, the primitives say {}", kernel.name(), own.name())
        }
    };
    Some(Finding::exact(ENGINE, Answer::Fail, reason))
}

fn record(state: &State, action: Action, findings: Vec<Finding>) -> Enforce {
    let Action { ring, position, at, actor, executable, surface, operation, object, kernel } = action;
    let generation = kernel.generation;
    Enforce {
        at,
        ring: ring.name().to_owned(),
        position,
        instance: state.instances.by_slot(actor.slot).map(|known| known.instance.clone()),
        actor,
        executable_sha256: match executable {
            Executable::Sha256(digest) => Some(digest),
            Executable::NotRead | Executable::Absent(_) => None,
        },
        surface: surface.name().to_owned(),
        operation: operation.name().to_owned(),
        object,
        zone: state.policies.zone_name(generation, kernel.zone),
        generation,
        policy_sha256: state
            .policies
            .generation(generation)
            .map(|view| view.sha256.clone())
            .unwrap_or_default(),
        verdict: kernel.verdict.name().to_owned(),
        reason: kernel.reason.name().to_owned(),
        findings,
    }
}
