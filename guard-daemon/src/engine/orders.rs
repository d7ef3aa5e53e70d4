//! Orders: what people ask of the daemon, beside what the kernel reports. Narrowing happens first and is
//! recorded then; widening is recorded first, and refused while the ledger cannot write.

use std::collections::BTreeSet;

use guard_common::Surface;
use guard_common::map::switch::{KILL_ALL, KillMode};

use super::durable;
use crate::model::action::BootNs;
use crate::model::effect::{Effect, Narrowing, Widening};
use crate::model::input::KillOrder;
use crate::model::record::{Enrol, Instance, Launch, Operator, Policy, Record, Recover};
use crate::model::state::instances::Enrolled;
use crate::model::state::{LedgerState, State};

pub(super) fn policy(state: &State, policy: Policy) -> Vec<Effect> {
    let generation = policy.generation;
    widen(state, Record::Policy(policy), Widening::Policy { generation })
}

pub(super) fn launch(state: &mut State, launch: Launch, profile: u16, at: BootNs) -> Vec<Effect> {
    let slot = launch.instance.slot;
    if let Some(why) = halted(state, &launch.instance.agent) {
        return vec![Effect::Refuse(why)];
    }
    if let Err(why) = may_widen(state) {
        return vec![Effect::Refuse(why)];
    }
    enrol(state, &launch, profile, at);
    widen(state, Record::Launch(launch), Widening::Launch { slot })
}

pub(super) fn enrol(state: &mut State, launch: &Launch, profile: u16, since: BootNs) {
    let Launch { instance, cgroup, .. } = launch;
    remember(state, instance, *cgroup, profile, since);
}

fn remember(state: &mut State, instance: &Instance, cgroup: u64, profile: u16, since: BootNs) {
    state.instances.enrol(Enrolled {
        instance: instance.clone(),
        profile,
        cgroup: Some(cgroup),
        below: BTreeSet::new(),
        since,
        ended: None,
    });
}

/// A cgroup is enrolled whoever starts what is in it: a label takes away, and waits for no record.
pub(super) fn enrolled(state: &mut State, enrol: Enrol, profile: u16) -> Vec<Effect> {
    let Enrol { instance, cgroup, at, .. } = &enrol;
    remember(state, instance, *cgroup, profile, *at);
    let (slot, order) = (instance.slot, state.orders.against(&instance.agent));
    let mut effects = Vec::new();
    if let Some(order) = order.filter(|order| order.agent.is_some()) {
        effects.push(Effect::Revoke(Narrowing::Kill { slots: vec![slot], mode: order.mode }));
    }
    effects.push(durable(Record::Enrol(enrol)));
    effects
}

pub(super) fn exit(state: &mut State, slot: u32, at: BootNs) -> Vec<Effect> {
    match state.instances.end(slot, at) {
        // Whoever waits for an end may rely on its record.
        Some(ended) => vec![durable(Record::Exit { instance: ended.instance.clone() })],
        None => Vec::new(),
    }
}

pub(super) fn kill(state: &mut State, order: KillOrder, recorded: bool) -> Vec<Effect> {
    let slots = match &order.agent {
        None => vec![KILL_ALL],
        Some(name) => slots_of(state, name),
    };
    let revoke = Effect::Revoke(Narrowing::Kill { slots, mode: order.mode });
    let record = Record::Kill(order.record());
    state.orders.take(order);
    // An order that stands already and is not recorded is one whose record the ledger could not take before.
    if recorded { vec![revoke] } else { vec![revoke, durable(record)] }
}

pub(super) fn recover(state: &State, recover: Recover) -> Vec<Effect> {
    let agent = recover.agent.clone();
    let (slots, ordered) = match &agent {
        None => (state.switches.killed().map(|(slot, _)| slot).collect(), !state.orders.is_empty()),
        Some(name) => (killed_slots_of(state, name), state.orders.stands(Some(name))),
    };
    if slots.is_empty() && !ordered {
        return vec![Effect::Refuse(nothing_to_lift(state, agent.as_deref()))];
    }
    widen(state, Record::Recover(recover), Widening::Recover { slots, agent })
}

pub(super) fn surface(state: &State, surface: Surface, on: bool, by: Operator) -> Vec<Effect> {
    let record = Record::Surface { surface: surface.name().to_owned(), on, by };
    if on {
        return widen(state, record, Widening::SurfaceOn(surface));
    }
    vec![Effect::Revoke(Narrowing::SurfaceOff(surface)), durable(record)]
}

fn widen(state: &State, record: Record, widening: Widening) -> Vec<Effect> {
    match may_widen(state) {
        Ok(()) => vec![durable(record), Effect::Grant(widening)],
        Err(why) => vec![Effect::Refuse(why)],
    }
}

fn may_widen(state: &State) -> Result<(), String> {
    match &state.ledger {
        LedgerState::Writes => Ok(()),
        LedgerState::Unknown => Err("the ledger was not tried yet; ask again".to_owned()),
        LedgerState::Degraded(why) => {
            Err(format!("the ledger cannot write ({why}), and nothing is given that cannot be recorded"))
        }
    }
}

fn halted(state: &State, agent: &str) -> Option<String> {
    if let Some(order) = state.orders.against(agent) {
        let (whom, lift) = match &order.agent {
            Some(name) => (format!("agent {name}"), format!("guard recover --agent {name} --note CAUSE")),
            None => ("every agent".to_owned(), "guard recover --note CAUSE".to_owned()),
        };
        return Some(format!("a kill order stands for {whom}; `{lift}` lifts it"));
    }
    match state.switches.kill_all() {
        KillMode::Run => None,
        KillMode::Freeze | KillMode::Terminate => {
            Some("the kill switch is on for every agent; `guard recover --note CAUSE` lifts it".to_owned())
        }
    }
}

fn nothing_to_lift(state: &State, agent: Option<&str>) -> String {
    match agent {
        None => "no kill order stands".to_owned(),
        Some(name) if state.orders.stands(None) => {
            format!(
                "agent {name} has no kill order of its own, everybody's stands; \
                 `guard recover --note CAUSE` lifts it"
            )
        }
        Some(name) => format!("no kill order stands for agent {name}"),
    }
}

fn slots_of(state: &State, name: &str) -> Vec<u32> {
    state.instances.alive().filter(|one| one.instance.agent == name).map(|one| one.instance.slot).collect()
}

// Ended ones too: a slot whose word stands is not given away again until it is lifted.
fn killed_slots_of(state: &State, name: &str) -> Vec<u32> {
    let named = state.instances.all().filter(|one| one.instance.agent == name).map(|one| one.instance.slot);
    named.filter(|slot| state.switches.kill(*slot) != KillMode::Run).collect()
}
