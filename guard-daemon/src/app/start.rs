//! From nothing to serving, in an order that never leaves less in force than before: what is missing is told
//! before anything is touched, orders to halt come before everything else, a policy before the first answer.

use std::collections::HashMap;
use std::path::Path;

use guard_common::Surface;
use guard_common::event::Ring;
use guard_common::map::name;
use guard_common::map::switch::{KILL_ALL, KillMode};
use tokio::net::UnixListener;
use tokio::sync::mpsc;

use super::agents::registry::Registry;
use super::agents::watch::Ends;
use super::daemon::{Daemon, Inbox, Rings};
use super::executables::{Executables, sha256_of};
use super::history::History;
use super::lock::{self, Lock};
use super::options::Options;
use super::paths::{self, Paths};
use super::policies::{self, Candidate, InForce, Saved};
use super::positions::Positions;
use super::records::Records;
use super::refusals::Refusals;
use super::{clock, journal, saved};
use crate::audit::{Host, Ledger, Place};
use crate::control::peer;
use crate::control::server::{self, Asked};
use crate::kernel::probe::{self, Check};
use crate::kernel::{
    Cgroups, How, Labels, LogLevel, Maps, PinFolder, RingReader, Taken, object_sha256, take_up,
};
use crate::model::input::Input;
use crate::model::record::Start;
use crate::model::state::State;

/// Requests, ends and digests that wait for the loop.
const INBOX_MAX: usize = 256;

/// A daemon that is ready to serve.
pub(super) struct Started {
    /// Its parts.
    pub daemon: Daemon,
    /// The kernel's rings.
    pub rings: Rings,
    /// What reaches the loop.
    pub inbox: Inbox,
    /// Where requests go.
    pub requests: mpsc::Sender<Asked>,
    /// Where a reason to end goes.
    pub stop: mpsc::Sender<String>,
    /// The admin socket.
    pub listener: UnixListener,
    /// Whether this daemon loaded everything that is in force.
    pub fresh: bool,
    /// Held while it lives.
    pub lock: Lock,
}

/// Starts. An error leaves everything in force that was.
pub(super) fn start(options: &Options) -> Result<Started, String> {
    if peer::is_self_inside() {
        return Err("an agent does not start the daemon: this process is in an agent's cgroup".to_owned());
    }
    refuse_without_host(&probe::host())?;
    last_to_go();
    let paths = options.paths();
    paths.create().map_err(|error| error.to_string())?;
    let lock = lock::take(&paths.lock()).map_err(|error| error.to_string())?;
    let pins = PinFolder::default();
    let enforcing = pins.enforces();
    let halt = journal::word_for_all(&paths.state).map_err(|error| {
        format!("{error}; it may be an order to halt: look at it, and take it away if it is none")
    })?;
    let saved_policy = read_saved_policy(&paths);
    let candidate = choose_policy(options, saved_policy.as_ref(), enforcing)?;
    let before = saved_policy.as_ref().and_then(InForce::before);
    let ebpf_sha256 = object_sha256();
    let daemon_sha256 = sha256_of("/proc/self/exe").map_err(|error| format!("/proc/self/exe: {error}"))?;
    let host = Host { daemon_sha256: daemon_sha256.clone(), ebpf_sha256: ebpf_sha256.clone(), generation: 0 };
    let place = Place::new(&paths.state);
    let history = History::read(&place);
    let ledger = Ledger::open(&place, host).map_err(|error| error.to_string())?;

    let Taken { mut maps, how, missing } =
        take_up(&pins, options.kernel_log.map_or_else(LogLevel::from_environment, Ok)?)
            .map_err(|error| error.to_string())?;
    tracing::info!(?how, "the kernel programs are in force");
    raise_for_all(&mut maps, halt)?;
    restore_surfaces(&mut maps, &paths)?;

    let fresh = how == How::Fresh;
    let (ended, ended_inbox) = mpsc::channel(INBOX_MAX);
    let (executables, hashed) = Executables::start().map_err(|error| error.to_string())?;
    let instead = candidate.instead.clone();
    let ready = candidate.ready(&paths.guarded())?;
    let before = before.unwrap_or_else(|| ready.not_yet());
    let boot = clock::boot_id().map_err(|error| error.to_string())?;
    let (registry, lost_agents) = resume_registry(&paths, boot.clone());
    let mut daemon = Daemon {
        cgroups: Cgroups::open().map_err(|error| error.to_string())?,
        labels: Labels::open(&pins).map_err(|error| error.to_string())?,
        records: Records::new(ledger),
        state: State::default(),
        registry,
        policy: before,
        prepared: None,
        launching: None,
        handles: HashMap::new(),
        refusals: Refusals::default(),
        executables,
        parked: Default::default(),
        settling: Default::default(),
        missing,
        journal_error: None,
        ends: Ends::start(ended).map_err(|error| error.to_string())?,
        paths,
        pins,
        maps,
    };
    daemon.missing.extend(
        instead.map(|why| format!("the policy's file is broken, the one before it stays in force: {why}")),
    );
    daemon.missing.extend(lost_agents);
    daemon.look_at_ledger();
    daemon.read_every_switch().map_err(|error| error.to_string())?;
    daemon.take(Input::Start(Start {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        daemon_sha256,
        ebpf_sha256,
        kernel: probe::release(),
        adopted: !fresh,
        missing: daemon.missing.clone(),
    }))?;
    daemon.adopt()?;
    daemon.resume_orders().map_err(|error| error.to_string())?;
    daemon.take_orders();
    // Events of the generation before may still stand in the rings.
    let before = daemon.policy.view();
    daemon.note(Input::PolicyInForce(before));
    daemon.put_in_force(ready, None)?;

    daemon.recall_refusals(&history);
    let positions = Positions::take(&daemon.paths, &boot).unwrap_or_else(|| history.positions(&boot));
    // New maps count from the beginning.
    let positions = if renews_rings(&how) { Positions::default() } else { positions };
    let open = |ring: Ring| {
        RingReader::open(&daemon.pins, ring, positions.of(ring)).map_err(|error| error.to_string())
    };
    let rings = Rings { denies: open(Ring::Deny)?, allows: open(Ring::Allow)? };
    let listener = server::listen(&daemon.paths.socket)
        .map_err(|error| format!("{}: {error}", daemon.paths.socket.display()))?;
    let (requests, requests_inbox) = mpsc::channel(server::REQUESTS_MAX);
    let (stop, stop_inbox) = mpsc::channel(1);
    let inbox = Inbox { requests: requests_inbox, ended: ended_inbox, hashed, stop: stop_inbox };
    Ok(Started { daemon, rings, inbox, requests, stop, listener, fresh, lock })
}

/// When memory runs out, agents go first: without the daemon nothing is recorded.
fn last_to_go() {
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "-900") {
        tracing::debug!("the daemon may be ended when memory runs out: {error}");
    }
}

fn renews_rings(how: &How) -> bool {
    match how {
        How::Fresh => true,
        How::Replaced { renewed } => {
            renewed.iter().any(|map| [name::DENIES, name::ALLOWS, name::SEQUENCE].contains(map))
        }
        How::Adopted | How::Completed { .. } => false,
    }
}

fn refuse_without_host(checks: &[Check]) -> Result<(), String> {
    let failed: Vec<String> = checks.iter().filter(|check| !check.ok).map(complaint).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("this host cannot enforce, so the daemon does not start:\n{}", failed.join("\n")))
}

fn complaint(check: &Check) -> String {
    let Check { name, found, mend, ok: _ } = check;
    let mend = mend.as_ref().map(|mend| format!("\n    {mend}")).unwrap_or_default();
    format!("  {name}: {found}{mend}")
}

fn read_saved_policy(paths: &Paths) -> Option<Saved> {
    saved::read(&paths.policy()).unwrap_or_else(|error| {
        tracing::error!("the policy that was in force cannot be read: {error}");
        None
    })
}

fn choose_policy(options: &Options, saved: Option<&Saved>, enforcing: bool) -> Result<Candidate, String> {
    let usual = Path::new(paths::POLICY);
    let file = options.policy.as_deref().or_else(|| usual.exists().then_some(usual));
    let candidate = policies::choose(file, saved, enforcing)?;
    for warning in candidate.compiled.warnings() {
        tracing::warn!("policy: {warning}");
    }
    if let Some(why) = &candidate.instead {
        tracing::error!("the policy's file is broken; the policy before it stays in force: {why}");
    }
    Ok(candidate)
}

/// An order to halt stands over a reboot: before there is any agent, before there is a policy.
fn raise_for_all(maps: &mut Maps, wanted: KillMode) -> Result<(), String> {
    let now = maps.switches.kill_mode(KILL_ALL).map_err(|error| error.to_string())?;
    if wanted > now {
        maps.switches.set_kill_mode(KILL_ALL, wanted).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Surfaces that were off before a reboot are off after it.
fn restore_surfaces(maps: &mut Maps, paths: &Paths) -> Result<(), String> {
    let names: Vec<String> =
        saved::read(&paths.surfaces()).map_err(|error| error.to_string())?.unwrap_or_default();
    for surface in names.iter().filter_map(|name| Surface::from_name(name)) {
        maps.switches.set_surface(surface, false).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn resume_registry(paths: &Paths, boot: String) -> (Registry, Option<String>) {
    match saved::read(&paths.instances()) {
        Ok(saved) => (Registry::resume(boot, saved), None),
        Err(error) => {
            let lost = format!("which agents lived before is not known: {error}");
            tracing::error!("{lost}");
            (Registry::new(boot), Some(lost))
        }
    }
}
