//! From nothing to serving, in an order that never leaves less in force than before: what is missing is told
//! before anything is touched, orders to halt are in the kernel before a policy is, a policy before the first answer.
//! What a daemon leaves that cannot start: [`force::hold`].

use std::collections::HashMap;

use guard_common::event::Ring;
use tokio::net::UnixListener;
use tokio::sync::mpsc;

use super::agents::watch::Ends;
use super::daemon::{Daemon, Inbox, Rings};
use super::executables::{Executables, sha256_of};
use super::force::{self, Force, text};
use super::ground::{FirstPolicy, Ground};
use super::history::History;
use super::host;
use super::lock::Lock;
use super::options::Options;
use super::paths::Paths;
use super::policies::{InForce, Ready};
use super::positions::Positions;
use super::records::Records;
use super::refusals::Refusals;
use crate::audit::{Host, Ledger, Place};
use crate::clock;
use crate::control::server::{self, Asked};
use crate::kernel::{Cgroups, How, Labels, RingReader, object_sha256, probe};
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
    /// Whether everything that is in force, maps included, is of this daemon's making.
    pub(super) fresh: bool,
}

/// Starts; the lock is held while the daemon lives. An error leaves everything in force that was. Where no policy was,
/// as after a boot, one is by then, if there is any and the kernel takes the programs.
pub(super) fn start(options: &Options) -> Result<(Started, Lock), String> {
    host::refuse_unfit()?;
    host::be_last_to_go();
    host::hold_many_files();
    let ground = Ground::take(options)?;
    let policy = FirstPolicy::choose(options, &ground)?;
    let halt = ground.word_for_all();
    let force = Force::take_up(options, &ground, halt.as_ref().ok().copied())?;
    let how = force.how.clone();
    match halt.and_then(|_| begin(options, &ground, policy, force)) {
        Ok(started) => Ok((started, ground.lock)),
        Err(why) => Err(force::hold(options, &ground, &how, why)),
    }
}

fn begin(options: &Options, ground: &Ground, policy: FirstPolicy, force: Force) -> Result<Started, String> {
    let books = Books::open(&ground.paths)?;

    let before = policy.saved.as_ref().and_then(InForce::before);
    let lost_policy = policy.lost.clone();
    let (registry, lost_agents) = ground.registry(books.boot.clone());
    policy.refuse_lost_numbers(ground, &registry, &force.maps)?;
    let ready = policy.ready(&ground.paths.guarded())?;
    let (ended, ended_inbox) = mpsc::channel(INBOX_MAX);
    let (executables, hashed) = Executables::start().map_err(text)?;
    let mut daemon = Daemon {
        cgroups: Cgroups::open().map_err(text)?,
        labels: Labels::open(&ground.pins).map_err(text)?,
        records: Records::new(books.ledger),
        state: State::default(),
        registry,
        policy: before.unwrap_or_else(|| ready.not_yet()),
        proposed: None,
        launching: None,
        handles: HashMap::new(),
        refusals: Refusals::default(),
        executables,
        parked: Default::default(),
        settling: Default::default(),
        missing: Vec::new(),
        journal_error: None,
        enrol_error: None,
        hearing_error: None,
        strays: Vec::new(),
        ends: Ends::start(ended).map_err(text)?,
        // No count: the first look asks for all.
        enrolled_heard: u64::MAX,
        paths: ground.paths.clone(),
        pins: ground.pins.clone(),
        maps: force.maps,
    };
    daemon.missing.extend([lost_policy, lost_agents, force.missing].into_iter().flatten());
    daemon.missing.extend(options.inject_faults.then(|| INJECTS_FAULTS.to_owned()));
    daemon.records.set_generation(daemon.maps.generation());
    daemon.look_at_ledger();
    daemon.read_every_switch().map_err(text)?;
    let missing = [daemon.missing.as_slice(), &ready.amiss].concat();
    daemon.take(Input::Start(books.digests.start(ground.enforcing, missing)))?;
    daemon.adopt()?;
    daemon.resume_orders().map_err(text)?;
    daemon.take_orders();
    daemon.begin_policy(ready)?;
    daemon.recall_refusals(&books.history);

    let rings = open_rings(&daemon, &books.history, &books.boot, force.counts_anew)?;
    let socket = &daemon.paths.socket;
    let listener = server::listen(socket).map_err(|error| format!("{}: {error}", socket.display()))?;
    let (requests, requests_inbox) = mpsc::channel(server::REQUESTS_MAX);
    let (stop, stop_inbox) = mpsc::channel(1);
    let inbox = Inbox { requests: requests_inbox, ended: ended_inbox, hashed, stop: stop_inbox };
    Ok(Started { daemon, rings, inbox, requests, stop, listener, fresh: force.how == How::Fresh })
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

const INJECTS_FAULTS: &str = "faults are injected on purpose; restart guardd without --inject-faults";

impl Digests {
    fn start(self, adopted: bool, missing: Vec<String>) -> Start {
        Start {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            daemon_sha256: self.daemon,
            ebpf_sha256: self.ebpf,
            kernel: probe::release(),
            adopted,
            missing,
        }
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

fn open_rings(daemon: &Daemon, history: &History, boot: &str, counts_anew: bool) -> Result<Rings, String> {
    let left = Positions::take(&daemon.paths, boot);
    let positions = match counts_anew {
        true => Positions::default(),
        false => left.unwrap_or_else(|| history.positions(boot)),
    };
    let open = |ring: Ring| RingReader::open(&daemon.pins, ring, positions.of(ring)).map_err(text);
    Ok(Rings { denies: open(Ring::Deny)?, allows: open(Ring::Allow)? })
}
