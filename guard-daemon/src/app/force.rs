//! The kernel programs, taken up: by a daemon that starts, and by one that cannot, where nothing is in force.

use guard_common::Surface;
use guard_common::map::switch::{KILL_ALL, KillMode};

use super::ground::{FirstPolicy, Ground};
use super::options::Options;
use super::paths::Paths;
use super::saved;
use crate::clock;
use crate::kernel::{How, Manner, Maps, Taken, take_up};

/// What is in force in the kernel.
pub(super) struct Force {
    pub(super) maps: Maps,
    pub(super) how: How,
    /// Whether events are numbered from the beginning.
    pub(super) counts_anew: bool,
    /// What is not as it was left.
    pub(super) missing: Option<String>,
}

impl Force {
    /// `halt` is everybody's kill word; none where the orders cannot be read. What stands already is not lowered.
    pub(super) fn take_up(
        options: &Options,
        ground: &Ground,
        halt: Option<KillMode>,
    ) -> Result<Self, String> {
        let manner = Manner { log: options.kernel_log()?, injects_faults: options.inject_faults };
        let Taken { maps, how, counts_anew } = take_up(&ground.pins, manner).map_err(text)?;
        tracing::info!(?how, "the kernel programs are in force");
        let mut force = Self { maps, how, counts_anew, missing: None };
        force.raise_for_all(halt.unwrap_or_else(|| force.unread()))?;
        force.restore_surfaces(&ground.paths)?;
        Ok(force)
    }

    /// Everybody's kill word where the orders cannot be read: with a policy that is in force, every order is.
    fn unread(&self) -> KillMode {
        if self.maps.generation() == 0 { KillMode::Freeze } else { KillMode::Run }
    }

    /// An order to halt stands over a reboot: before there is any agent, before there is a policy.
    fn raise_for_all(&mut self, wanted: KillMode) -> Result<(), String> {
        let now = self.maps.switches.kill_mode(KILL_ALL).map_err(text)?;
        if wanted > now {
            self.maps.switches.set_kill_mode(KILL_ALL, wanted).map_err(text)?;
        }
        Ok(())
    }

    /// Surfaces that were off before a reboot are off after it; all of them where nobody knows which those were.
    fn restore_surfaces(&mut self, paths: &Paths) -> Result<(), String> {
        let off: Vec<Surface> = match saved::read::<Vec<String>>(&paths.surfaces()) {
            Ok(names) => names.iter().flatten().filter_map(|name| Surface::from_name(name)).collect(),
            Err(error) => {
                let known = self.maps.generation() != 0;
                let now =
                    if known { "they are as they were" } else { "all are, until `guard surface NAME on`" };
                let lost = format!("which surfaces were off is not known: {error}; {now}");
                tracing::error!("{lost}");
                self.missing = Some(lost);
                if known { Vec::new() } else { Surface::ALL.to_vec() }
            }
        };
        for surface in off {
            self.maps.switches.set_surface(surface, false).map_err(text)?;
        }
        Ok(())
    }
}

/// What a daemon says that cannot start for `why`, and what it leaves: after a boot nothing is in force, and what keeps a
/// daemon from serving must not leave it so. The policy that it would serve with is put in force. Whoever comes into a
/// rule's cgroup from then on has no slot, and is refused everything. `how` its programs came to be in force.
pub(super) fn hold(options: &Options, ground: &Ground, how: &How, why: String) -> String {
    if options.ephemeral && *how == How::Fresh {
        // It came for one command, and nobody comes after it.
        return match ground.pins.teardown() {
            Ok(()) => why,
            Err(error) => format!("{why}\nand the kernel programs cannot be taken away: {error}"),
        };
    }
    match hold_policy(options, ground) {
        Ok(held) => format!("{why}; until that is mended nobody records, and {held}"),
        Err(second) if second == why => why,
        Err(second) => format!("{why}\nand no policy can be put in force without it: {second}"),
    }
}

/// Says what is in force now.
fn hold_policy(options: &Options, ground: &Ground) -> Result<String, String> {
    let mut maps = Maps::open(&ground.pins).map_err(text)?;
    let held = if maps.generation() == 0 {
        put_first_policy(options, ground, &mut maps)?;
        "the policy is in force: whoever comes into a cgroup that it enrols is refused everything"
    } else {
        "what is in force stays in force"
    };
    let halted = match maps.switches.kill_mode(KILL_ALL).map_err(text)? {
        KillMode::Run => "",
        KillMode::Freeze | KillMode::Terminate => {
            "; every agent is halted: once guardd serves, `guard recover` lets them go on"
        }
    };
    Ok(format!("{held}{halted}"))
}

fn put_first_policy(options: &Options, ground: &Ground, maps: &mut Maps) -> Result<(), String> {
    let policy = FirstPolicy::choose(options, ground)?;
    let (registry, _) = ground.registry(clock::boot_id().map_err(text)?);
    policy.refuse_lost_numbers(ground, &registry, maps)?;
    // Nobody records it: no policy that was recorded has this number.
    let after = policy.saved.as_ref().map_or(0, |saved| saved.record.generation);
    let ready = policy.ready(&ground.paths.guarded())?;
    let prepared = maps.prepare_policy_after(after, &ready.rows, &registry.marks()).map_err(text)?;
    maps.flip(prepared);
    Ok(())
}

/// An error, for whoever only says it.
pub(super) fn text(error: impl ToString) -> String {
    error.to_string()
}
