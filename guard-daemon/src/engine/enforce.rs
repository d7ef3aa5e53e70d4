//! What the kernel decided, judged again. Its verdict is already in force and stays what it was; where the
//! primitives come to another one, that is a finding of its own in the record.

use guard_common::Verdict;
use guard_common::event::Ring;

use super::{durable, routine, weigh};
use crate::model::action::{Action, Executable, Object};
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
    let notice = notice(state, &action);
    let record = Record::Enforce(Box::new(record(state, action, findings)));
    match notice {
        Some(notice) => vec![durable(record), Effect::Notify(Box::new(notice))],
        None if agreed => vec![routine(record)],
        None => vec![durable(record)],
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

fn notice(state: &State, action: &Action) -> Option<Notice> {
    match action.kernel.verdict {
        Verdict::Allow => None,
        Verdict::Deny | Verdict::Hold => Some(refusal(state, action)),
    }
}

fn refusal(state: &State, action: &Action) -> Notice {
    let Action { actor, kernel, .. } = action;
    let known = state.instances.by_slot(actor.slot);
    Notice {
        slot: actor.slot,
        agent: known.map_or_else(|| format!("label {}", actor.slot), |known| known.instance.agent.clone()),
        pid: actor.process.pid,
        comm: actor.comm.clone(),
        surface: action.surface.name(),
        operation: action.operation.name(),
        object: object_text(&action.object),
        zone: state.policies.zone_name(kernel.generation, kernel.zone),
        reason: kernel.reason.name(),
        primitive: kernel.reason.primitive(),
        sentence: kernel.reason.sentence(),
    }
}

/// An object as people are told of it.
pub fn object_text(object: &Object) -> String {
    match object {
        Object::File { path, second_path: None, .. } => path.clone(),
        Object::File { path, second_path: Some(second), .. } => format!("{path} -> {second}"),
        Object::Peer { address, port, protocol, .. } => {
            format!("{} {}", std::net::SocketAddr::new(*address, *port), protocol_name(*protocol))
        }
        Object::Task => "a new task".to_owned(),
    }
}

fn protocol_name(protocol: u16) -> String {
    match protocol {
        0 => "any".to_owned(),
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        other => format!("protocol {other}"),
    }
}

fn record(state: &State, action: Action, findings: Vec<Finding>) -> Enforce {
    let Action { ring, position, at, actor, executable, surface, operation, object, kernel } = action;
    let generation = kernel.generation;
    Enforce {
        at,
        ring: ring_name(ring),
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

fn ring_name(ring: Ring) -> String {
    ring.name().to_owned()
}
