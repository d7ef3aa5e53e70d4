//! Who lives, read from the state folder without a daemon: for orders that must not wait for one.

use std::io;
use std::path::Path;

use super::registry::{Agent, Saved};
use crate::app::{clock, saved};

/// Instances of this boot that may live.
pub fn living(state: &Path) -> io::Result<Vec<Agent>> {
    let saved: Option<Saved> = saved::read(&state.join("instances.json"))?;
    let boot = clock::boot_id()?;
    Ok(saved.filter(|saved| saved.boot == boot).map(|saved| saved.agents).unwrap_or_default())
}
