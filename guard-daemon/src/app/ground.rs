//! What a daemon stands on: its folders, the right to be the only one, and what earlier daemons and people left there.

use std::path::{Path, PathBuf};

use guard_common::map::switch::KillMode;

use super::agents::registry::Registry;
use super::lock::{self, Lock};
use super::options::Options;
use super::paths::{self, Paths};
use super::policies::{self, Candidate, Ready, SavedPolicy};
use super::{journal, saved};
use crate::kernel::{Labels, Maps, PinFolder};

/// What a daemon stands on.
pub(super) struct Ground {
    pub(super) paths: Paths,
    pub(super) lock: Lock,
    pub(super) pins: PinFolder,
    /// Whether something is in force already.
    pub(super) enforcing: bool,
}

impl Ground {
    pub(super) fn take(options: &Options) -> Result<Self, String> {
        let paths = options.paths();
        paths.create().map_err(text)?;
        let pins = PinFolder::default();
        let lock = lock::take(&paths::host_lock(), &paths.lock()).map_err(text)?;
        Ok(Self { enforcing: pins.enforces(), paths, lock, pins })
    }

    /// Everybody's kill word, by the orders that stand.
    pub(super) fn word_for_all(&self) -> Result<KillMode, String> {
        journal::word_for_all(&self.paths.state).map_err(|error| {
            format!("{error}; it may be an order to halt: look at it, and take it away if it is none")
        })
    }

    /// Agents from before, and why there may be more.
    pub(super) fn registry(&self, boot: String) -> (Registry, Option<String>) {
        match saved::read(&self.paths.instances()) {
            Ok(saved) => (Registry::resume(boot, saved), None),
            Err(error) => {
                let lost = format!("which agents lived before is not known: {error}");
                tracing::error!("{lost}");
                (Registry::new(boot), Some(lost))
            }
        }
    }
}

/// The policy to begin with, and the one before.
pub(super) struct FirstPolicy {
    candidate: Candidate,
    pub(super) saved: Option<SavedPolicy>,
    /// Why the one before is not known.
    pub(super) lost: Option<String>,
}

impl FirstPolicy {
    pub(super) fn choose(options: &Options, ground: &Ground) -> Result<Self, String> {
        let read: Result<Option<SavedPolicy>, _> = saved::read(&ground.paths.policy());
        let lost =
            read.as_ref().err().map(|error| format!("which policy was in force is not known: {error}"));
        if let Some(lost) = &lost {
            tracing::error!("{lost}");
        }
        let saved = read.unwrap_or_default();
        let usual = Path::new(paths::POLICY);
        let file = options.policy.as_deref().or_else(|| usual.exists().then_some(usual));
        let candidate = policies::choose(file, saved.as_ref())?;
        for warning in candidate.compiled.warnings() {
            tracing::warn!("policy: {warning}");
        }
        Ok(Self { candidate, saved, lost })
    }

    /// With the policy that was in force, the numbers of profiles are lost, and living agents carry them.
    pub(super) fn refuse_lost_numbers(
        &self,
        ground: &Ground,
        registry: &Registry,
        maps: &Maps,
    ) -> Result<(), String> {
        let Some(lost) = &self.lost else { return Ok(()) };
        let labelled = Labels::open(&ground.pins).map_err(text)?.all().map_err(text)?;
        let rows = maps.cgroups().map_err(text)?;
        if labelled.is_empty() && rows.is_empty() && registry.alive().next().is_none() {
            return Ok(());
        }
        Err(format!(
            "{lost}; with it, which profile each agent has is lost: put the file back, or end every agent with `guard \
             kill --mode terminate` and boot anew"
        ))
    }

    pub(super) fn ready(self, guarded: &[PathBuf]) -> Result<Ready, String> {
        let ready = self.candidate.ready_or_before(self.saved.as_ref(), guarded)?;
        for amiss in &ready.amiss {
            tracing::error!("{amiss}");
        }
        Ok(ready)
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
