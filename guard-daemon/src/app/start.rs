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
use super::policies::{self, Candidate, InForce, Ready, SavedPolicy};
use super::positions::Positions;
use super::records::Records;
use super::refusals::Refusals;
use super::{host, journal, saved};
use crate::audit::{Host, Ledger, Place};
use crate::clock;
use crate::control::server::{self, Asked};
use crate::kernel::{
    Cgroups, How, Labels, Manner, Maps, PinFolder, RingReader, Taken, object_sha256, probe, take_up,
};
use crate::model::input::Input;
use crate::model::record::Start;
use crate::model::state::State;

/// Ends and digests that wait for the loop.
const INBOX_MAX: usize = 256;

/// A daemon that is ready to serve.
pub(super) struct Started {
    /// Its parts.
    pub(super) daemon: Daemon,
    /// The kernel's rings.
    pub(super) rings: Rings,
    /// What reaches the loop.
    pub(super) inbox: Inbox,
    /// Where requests go.
    pub(super) requests: mpsc::Sender<Asked>,
    /// Where a reason to end goes.
    pub(super) stop: mpsc::Sender<String>,
    /// The admin socket.
    pub(super) listener: UnixListener,
    /// Whether this daemon loaded everything that is in force.
    pub(super) fresh: bool,
    /// Held while it lives.
    pub(super) lock: Lock,
}

/// Starts. An error leaves everything in force that was.
pub(super) fn start(options: &Options) -> Result<Started, String> {
    host::refuse_unfit()?;
    host::be_last_to_go();
    host::hold_many_files();
    let ground = Ground::take(options)?;
    let policy = Policy::choose(options, &ground)?;
    let books = Books::open(&ground.paths)?;
    let force = Force::take_up(options, &ground)?;

    let ready = policy.candidate.ready(&ground.paths.guarded())?;
    let (ended, ended_inbox) = mpsc::channel(INBOX_MAX);
    let (executables, hashed) = Executables::start().map_err(text)?;
    let (registry, lost_agents) = resume_registry(&ground.paths, books.boot.clone());
    let mut daemon = Daemon {
        cgroups: Cgroups::open().map_err(text)?,
        labels: Labels::open(&ground.pins).map_err(text)?,
        records: Records::new(books.ledger),
        state: State::default(),
        registry,
        policy: policy.before.unwrap_or_else(|| ready.not_yet()),
        proposed: None,
        launching: None,
        handles: HashMap::new(),
        refusals: Refusals::default(),
        executables,
        parked: Default::default(),
        settling: Default::default(),
        missing: Vec::new(),
        journal_error: None,
        ends: Ends::start(ended).map_err(text)?,
        // No count: the first look asks for all.
        enrolled_heard: u64::MAX,
        paths: ground.paths,
        pins: ground.pins,
        maps: force.maps,
    };
    daemon.missing.extend(policy.instead);
    daemon.missing.extend(lost_agents);
    daemon.missing.extend(options.inject_faults.then(|| INJECTS_FAULTS.to_owned()));
    daemon.records.set_generation(daemon.maps.generation());
    daemon.look_at_ledger();
    daemon.read_every_switch().map_err(text)?;
    daemon.take(Input::Start(books.digests.start(force.how == How::Fresh, &daemon.missing)))?;
    daemon.adopt()?;
    daemon.resume_orders().map_err(text)?;
    daemon.take_orders();
    daemon.begin_policy(ready)?;
    daemon.recall_refusals(&books.history);

    let rings = open_rings(&daemon, &books.history, &books.boot, &force.how)?;
    let socket = &daemon.paths.socket;
    let listener = server::listen(socket).map_err(|error| format!("{}: {error}", socket.display()))?;
    let (requests, requests_inbox) = mpsc::channel(server::REQUESTS_MAX);
    let (stop, stop_inbox) = mpsc::channel(1);
    let inbox = Inbox { requests: requests_inbox, ended: ended_inbox, hashed, stop: stop_inbox };
    Ok(Started {
        daemon,
        rings,
        inbox,
        requests,
        stop,
        listener,
        fresh: force.how == How::Fresh,
        lock: ground.lock,
    })
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// What a daemon stands on.
struct Ground {
    paths: Paths,
    lock: Lock,
    pins: PinFolder,
    /// Whether something is in force already.
    enforcing: bool,
    /// Everybody's kill word, by the journal.
    halt: KillMode,
}

impl Ground {
    fn take(options: &Options) -> Result<Self, String> {
        let paths = options.paths();
        paths.create().map_err(text)?;
        let pins = PinFolder::default();
        let lock = lock::take(&paths::host_lock(), &paths.lock()).map_err(text)?;
        let halt = journal::word_for_all(&paths.state).map_err(|error| {
            format!("{error}; it may be an order to halt: look at it, and take it away if it is none")
        })?;
        Ok(Self { enforcing: pins.enforces(), paths, lock, pins, halt })
    }
}

/// The policy to begin with, and the one before.
struct Policy {
    candidate: Candidate,
    before: Option<InForce>,
    instead: Option<String>,
}

impl Policy {
    fn choose(options: &Options, ground: &Ground) -> Result<Self, String> {
        let saved: Option<SavedPolicy> = saved::read(&ground.paths.policy()).unwrap_or_else(|error| {
            tracing::error!("the policy that was in force cannot be read: {error}");
            None
        });
        let usual = Path::new(paths::POLICY);
        let file = options.policy.as_deref().or_else(|| usual.exists().then_some(usual));
        let candidate = policies::choose(file, saved.as_ref(), ground.enforcing)?;
        for warning in candidate.compiled.warnings() {
            tracing::warn!("policy: {warning}");
        }
        let broken =
            |why| format!("the policy's file is broken, and the policy before it stays in force: {why}");
        let instead = candidate.instead.clone().map(broken);
        if let Some(instead) = &instead {
            tracing::error!("{instead}");
        }
        Ok(Self { before: saved.as_ref().and_then(InForce::before), candidate, instead })
    }
}

/// What the daemon writes in, and what it was.
struct Books {
    boot: String,
    history: History,
    ledger: Ledger,
    digests: Digests,
}

struct Digests {
    daemon: String,
    ebpf: String,
}

impl Books {
    fn open(paths: &Paths) -> Result<Self, String> {
        let daemon = sha256_of("/proc/self/exe").map_err(|error| format!("/proc/self/exe: {error}"))?;
        let digests = Digests { daemon, ebpf: object_sha256() };
        let host =
            Host { daemon_sha256: digests.daemon.clone(), ebpf_sha256: digests.ebpf.clone(), generation: 0 };
        let place = Place::new(&paths.state);
        let history = History::read(&place);
        let ledger = Ledger::open(&place, host).map_err(text)?;
        if let Some(kept) = ledger.torn() {
            tracing::warn!(
                "the ledger's last write was cut off: what it was is kept in {}, and no entry that was acknowledged is \
                 missing; `guard audit verify` proves it",
                kept.display()
            );
        }
        Ok(Self { boot: clock::boot_id().map_err(text)?, history, ledger, digests })
    }
}

impl Digests {
    fn start(self, fresh: bool, missing: &[String]) -> Start {
        Start {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            daemon_sha256: self.daemon,
            ebpf_sha256: self.ebpf,
            kernel: probe::release(),
            adopted: !fresh,
            missing: missing.to_vec(),
        }
    }
}

/// What is in force in the kernel.
struct Force {
    maps: Maps,
    how: How,
}

const INJECTS_FAULTS: &str = "faults are injected on purpose; restart guardd without --inject-faults";

impl Force {
    fn take_up(options: &Options, ground: &Ground) -> Result<Self, String> {
        let manner = Manner { log: options.kernel_log()?, injects_faults: options.inject_faults };
        let Taken { maps, how } = take_up(&ground.pins, manner).map_err(text)?;
        tracing::info!(?how, "the kernel programs are in force");
        let mut force = Self { maps, how };
        force.raise_for_all(ground.halt)?;
        force.restore_surfaces(&ground.paths)?;
        Ok(force)
    }

    /// An order to halt stands over a reboot: before there is any agent, before there is a policy.
    fn raise_for_all(&mut self, wanted: KillMode) -> Result<(), String> {
        let now = self.maps.switches.kill_mode(KILL_ALL).map_err(text)?;
        if wanted > now {
            self.maps.switches.set_kill_mode(KILL_ALL, wanted).map_err(text)?;
        }
        Ok(())
    }

    /// Surfaces that were off before a reboot are off after it.
    fn restore_surfaces(&mut self, paths: &Paths) -> Result<(), String> {
        let names: Vec<String> = saved::read(&paths.surfaces()).map_err(text)?.unwrap_or_default();
        for surface in names.iter().filter_map(|name| Surface::from_name(name)) {
            self.maps.switches.set_surface(surface, false).map_err(text)?;
        }
        Ok(())
    }
}

impl Daemon {
    /// Puts the first policy in force. Where an earlier daemon's is, that one stays if this one cannot be: a
    /// full disk must not take the daemon away.
    fn begin_policy(&mut self, ready: Ready) -> Result<(), String> {
        let before = self.policy.view();
        let has_before = before.generation != 0 && before.generation == self.maps.generation();
        // Its last events may still stand in the rings.
        self.note(Input::PolicyInForce(before));
        match self.put_in_force(ready, None) {
            Err(why) if has_before => {
                tracing::error!("the policy before stays in force: {why}");
                self.missing.push(format!("the policy before stays in force: {why}"));
                Ok(())
            }
            done => done,
        }
    }
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

fn open_rings(daemon: &Daemon, history: &History, boot: &str, how: &How) -> Result<Rings, String> {
    let left = Positions::take(&daemon.paths, boot);
    let positions = match renews_rings(how) {
        // New maps count from the beginning.
        true => Positions::default(),
        false => left.unwrap_or_else(|| history.positions(boot)),
    };
    let open = |ring: Ring| RingReader::open(&daemon.pins, ring, positions.of(ring)).map_err(text);
    Ok(Rings { denies: open(Ring::Deny)?, allows: open(Ring::Allow)? })
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
