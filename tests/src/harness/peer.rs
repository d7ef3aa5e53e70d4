//! Other enforcers, each given an honest equivalent of the suite's policy: how an actor is started under them.

use anyhow::{Result, bail};

use super::actor::Actor;
use super::case::{By, Who};
use super::enforcer::Enforcer;

/// An actor confined by another enforcer.
pub fn confined(enforcer: Enforcer, who: Who, by: By) -> Result<Actor> {
    bail!("no launcher for {} ({who:?}, {by:?})", enforcer.name())
}
