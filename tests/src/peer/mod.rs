//! Other enforcers, each given the honest best equivalent of `fixtures/suite.toml`: their launchers, and how an actor
//! is started under them. What an enforcer cannot say is left out in the agent's favour where the suite's agent may
//! do it, and told by the score where it may not.

pub mod apparmor;
pub mod landlock;

use anyhow::Result;

use crate::harness::actor::Actor;
use crate::harness::fixture::ACT;
use crate::harness::{By, Enforcer, Who, guard};

/// What has to be there before the first actor starts.
pub fn prepare(enforcer: Enforcer) -> Result<()> {
    match enforcer {
        Enforcer::AppArmor => apparmor::load(),
        Enforcer::Guard | Enforcer::None | Enforcer::Landlock => Ok(()),
    }
}

/// An actor confined by an enforcer that a launcher can start it under.
pub fn confined(enforcer: Enforcer, who: Who, by: By) -> Result<Actor> {
    let launcher: &[&str] = match enforcer {
        Enforcer::AppArmor => &["aa-exec", "-p", apparmor::PROFILE, "--"],
        Enforcer::Landlock => &[ACT, "under-landlock"],
        // guard's agents are started by `guard run`, and nobody's by nothing.
        Enforcer::Guard | Enforcer::None => &["env"],
    };
    let name = format!("{}-{}", enforcer.name(), who.name());
    guard::workdir(&name)?;
    Actor::start(&name, &mut guard::served(who, by, launcher))
}
