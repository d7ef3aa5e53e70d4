//! The ready policy for containers and units, as it stands in `policies`: what a user gets who changes nothing of it.

use std::fs;

use anyhow::Result;

use super::Trial;
use crate::harness::fixture::{OPEN, folder, put};
use crate::harness::runner::Shared;
use crate::harness::server::D4;
use crate::harness::shell::sh;
use crate::harness::{Effect, Spot};

/// The policy.
pub(super) static READY: Shared =
    Shared { text: include_str!("../../../../policies/enrolled.toml"), prepare };

/// The folder that its agents may write.
pub(super) const VOLUME: &str = "/srv/agents";
/// Where the engine keeps its images and containers.
const STORAGE: &str = "/var/lib/containers";

fn prepare() -> Result<()> {
    folder(VOLUME)?;
    put(format!("{VOLUME}/f").as_ref(), OPEN)?;
    if fs::exists(format!("{STORAGE}/storage"))? {
        return Ok(());
    }
    // The guest's own root is an overlay, on which no engine lays another.
    let disk = Spot::Ext4.at("containers");
    folder(&disk)?;
    fs::create_dir_all(STORAGE)?;
    sh(&format!("mount --bind {disk} {STORAGE}"))?;
    Ok(fs::create_dir_all(format!("{STORAGE}/storage"))?)
}

/// What to try, by the name that P's folder has for who tries: it is the system's here.
pub(super) fn trials(system: &str) -> Vec<Trial> {
    let trial = |line: String, effect, allowed| Trial { line, effect, allowed };
    let changed = |path: &str| Effect::Changed(path.to_owned());
    vec![
        trial(format!("write {system}/p"), changed(&Spot::Tmpfs.at("pd")), false),
        trial(format!("create {system}/new"), changed(&Spot::Tmpfs.at("pd")), false),
        trial(format!("tcp {D4}"), Effect::ReachedOther, false),
        trial(format!("write {VOLUME}/f"), changed(VOLUME), true),
    ]
}
