//! Pure judgement: `step` takes an input and says what has to be done about it, in the design's order. No IO
//! and no clock: whatever time it knows came with an input, so a replay gives the same effects.

mod enforce;
mod orders;
mod weigh;

#[cfg(test)]
mod tests;

pub use weigh::weigh;

use crate::model::effect::{Durability, Effect};
use crate::model::input::{Gap, Input};
use crate::model::record::{Enter, Record};
use crate::model::state::State;

/// Takes an input into the state and lists its effects.
pub fn step(state: &mut State, input: Input) -> Vec<Effect> {
    match input {
        Input::Start(start) => vec![durable(Record::Start(start))],
        Input::Stop { why } => vec![durable(Record::Stop { why }), Effect::Checkpoint],
        Input::Kernel(action) => enforce::judge(state, *action),
        Input::Entered(enter) => vec![routine(entered(state, enter))],
        Input::Enrolled { enrol, profile } => orders::enrolled(state, enrol, profile),
        Input::Grown { slot, below } => {
            state.instances.grow(slot, below);
            Vec::new()
        }
        Input::Gap(gap) => vec![durable(gap_record(gap))],
        Input::Switches(reading) => {
            state.switches.read(&reading);
            Vec::new()
        }
        Input::Ledger(ledger) => {
            state.ledger = ledger;
            Vec::new()
        }
        Input::PolicyAsked(policy) => orders::policy(state, policy),
        Input::PolicyInForce(view) => {
            state.policies.take(view);
            Vec::new()
        }
        Input::Launch { launch, profile, at } => orders::launch(state, launch, profile, at),
        Input::Adopted { launch, profile, at } => {
            orders::enrol(state, &launch, profile, at);
            Vec::new()
        }
        Input::Exit { slot, at } => orders::exit(state, slot, at),
        Input::NotLaunched { slot, at } => {
            state.instances.end(slot, at);
            Vec::new()
        }
        Input::Kill { order, recorded } => orders::kill(state, order, recorded),
        Input::Recover(recover) => orders::recover(state, recover),
        Input::Lifted { agent } => {
            state.orders.lift(agent.as_deref());
            Vec::new()
        }
        Input::Surface { surface, on, by } => orders::surface(state, surface, on, by),
        Input::Tick { at: _ } => vec![Effect::Heartbeat, Effect::Checkpoint],
    }
}

fn entered(state: &State, enter: Enter) -> Record {
    let known = state.instances.by_slot(enter.slot);
    Record::Enter(Enter { instance: known.map(|known| known.instance.clone()), ..enter })
}

fn gap_record(gap: Gap) -> Record {
    let Gap { ring, cpu, from, to } = gap;
    Record::Gap { ring: ring.name().to_owned(), cpu, from, to }
}

fn durable(record: Record) -> Effect {
    Effect::Append { record: Box::new(record), durability: Durability::Durable }
}

fn routine(record: Record) -> Effect {
    Effect::Append { record: Box::new(record), durability: Durability::Routine }
}
