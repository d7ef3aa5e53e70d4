//! Kill orders that stand. Latched: only a recovery lifts one.

use guard_common::map::switch::KillMode;

use crate::model::input::KillOrder;

/// Every standing order, in the order of their coming.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    standing: Vec<KillOrder>,
}

impl Orders {
    /// Takes an order. One that stands already stands no firmer.
    pub fn take(&mut self, order: KillOrder) {
        if !self.standing.contains(&order) {
            self.standing.push(order);
        }
    }

    /// The strongest order that stands for an agent of this name: its own, or everybody's.
    pub fn against(&self, agent: &str) -> Option<&KillOrder> {
        let concerns = |order: &&KillOrder| order.agent.as_deref().is_none_or(|name| name == agent);
        self.standing.iter().filter(concerns).max_by_key(|order| rank(order.mode))
    }

    /// Whether an order stands for exactly this: one agent's name, or everybody.
    pub fn stands(&self, agent: Option<&str>) -> bool {
        self.standing.iter().any(|order| order.agent.as_deref() == agent)
    }

    /// Names of agents with an order of their own.
    pub fn agents(&self) -> Vec<String> {
        let mut names: Vec<String> = self.standing.iter().filter_map(|order| order.agent.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Lifts one agent's orders, or every order.
    pub fn lift(&mut self, agent: Option<&str>) {
        match agent {
            None => self.standing.clear(),
            Some(name) => self.standing.retain(|order| order.agent.as_deref() != Some(name)),
        }
    }

    /// Whether no order stands.
    pub fn is_empty(&self) -> bool {
        self.standing.is_empty()
    }
}

fn rank(mode: KillMode) -> u8 {
    match mode {
        KillMode::Run => 0,
        KillMode::Freeze => 1,
        KillMode::Terminate => 2,
    }
}
