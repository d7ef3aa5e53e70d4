//! Kill orders that were given without the daemon: found in the journal, put in force again, recorded, kept
//! standing until they are lifted.

use std::io;
use std::path::PathBuf;

use guard_common::map::switch::KillMode;

use super::daemon::Daemon;
use super::status::tell_once;
use crate::control::orders;
use crate::engine;
use crate::kernel::Halted;
use crate::model::input::{Input, KillOrder};
use crate::model::record::Kill;
use crate::model::state::State;

impl Daemon {
    /// Takes up orders that are not recorded yet.
    pub(super) fn take_orders(&mut self) {
        let error = match orders::pending(&self.paths.state) {
            Ok(pending) => self.record_orders(pending).err(),
            Err(error) => Some(format!("the journal of kill orders cannot be read: {error}")),
        };
        let room = orders::set_room_aside(&self.paths.state).err();
        let error = error.or(room.map(|error| format!("the journal of kill orders cannot be kept: {error}")));
        tell_once(&mut self.journal_error, error);
    }

    fn record_orders(&mut self, pending: Vec<(PathBuf, Kill)>) -> Result<(), String> {
        for (path, kill) in pending {
            let order = order(kill);
            self.halt_newcomers(&order);
            let effects = engine::step(&mut self.state, Input::Kill { order, recorded: false });
            self.execute_recorded(effects)
                .map_err(|why| format!("a kill order is in force and not recorded: {why}"))?;
            orders::mark_recorded(&path).map_err(|error| {
                format!("{}: a kill order is recorded, and its file cannot say so: {error}", path.display())
            })?;
        }
        Ok(())
    }

    /// Puts orders that an earlier daemon recorded in force again.
    pub(super) fn resume_orders(&mut self) -> io::Result<()> {
        for (_, kill) in orders::recorded(&self.paths.state)? {
            let order = order(kill);
            self.halt_newcomers(&order);
            self.note(Input::Kill { order, recorded: true });
        }
        Ok(())
    }

    /// New instances of an agent that an order stands against begin halted.
    fn halt_newcomers(&self, order: &KillOrder) {
        let Some(agent) = &order.agent else { return };
        let halted =
            Halted::open(&self.pins).and_then(|mut halted| halted.halt(agent.as_bytes(), order.mode));
        if let Err(error) = halted {
            tracing::error!("new cgroups of agent {agent} are not enrolled halted: {error}");
        }
    }
}

/// The strongest word that the journal has for everybody, before anything else is known.
pub(super) fn word_for_all(state: &std::path::Path) -> io::Result<KillMode> {
    let mut known = State::default();
    let orders = orders::recorded(state)?.into_iter().chain(orders::pending(state)?);
    for (_, kill) in orders.filter(|(_, kill)| kill.agent.is_none()) {
        known.orders.take(order(kill));
    }
    Ok(known.orders.against("").map_or(KillMode::Run, |order| order.mode))
}

fn order(kill: Kill) -> KillOrder {
    let Kill { agent, mode, by, at } = kill;
    let mode = match KillMode::from_name(&mode) {
        Some(KillMode::Freeze) => KillMode::Freeze,
        // An order that cannot be understood is taken for the stronger one.
        Some(KillMode::Terminate | KillMode::Run) | None => KillMode::Terminate,
    };
    KillOrder { agent, mode, by, at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Operator;

    fn kill(agent: Option<&str>, mode: &str, at: u64) -> Kill {
        let by = Operator { uid: 0, login_uid: None, pid: 7 };
        Kill { agent: agent.map(str::to_owned), mode: mode.to_owned(), by, at }
    }

    #[test]
    fn everybodys_word_is_the_strongest_in_the_journal_recorded_or_not() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(word_for_all(state.path()).unwrap(), KillMode::Run);
        orders::write(state.path(), &kill(Some("ada"), "terminate", 1)).unwrap();
        assert_eq!(
            word_for_all(state.path()).unwrap(),
            KillMode::Run,
            "one agent's order is not everybody's"
        );
        let path = orders::write(state.path(), &kill(None, "freeze", 2)).unwrap();
        orders::mark_recorded(&path).unwrap();
        assert_eq!(word_for_all(state.path()).unwrap(), KillMode::Freeze);
        orders::write(state.path(), &kill(None, "terminate", 3)).unwrap();
        assert_eq!(word_for_all(state.path()).unwrap(), KillMode::Terminate);
    }

    #[test]
    fn an_order_that_makes_no_sense_is_the_stronger_one() {
        for mode in ["run", "nonsense", ""] {
            assert_eq!(order(kill(None, mode, 1)).mode, KillMode::Terminate);
        }
    }
}
