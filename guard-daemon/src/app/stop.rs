//! Ending: what was heard is judged and recorded, what is in force stays in force.

use std::io::{self, Read};
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::daemon::{Daemon, Rings};
use super::positions::Positions;
use crate::kernel::boot_ns;
use crate::model::input::Input;

/// Looks into the rings at the end: 256 * about 256 events.
const LAST_LOOKS: u32 = 256;

/// Waits for a reason to end: a signal, or the end of standard input of a daemon that lives for one run.
pub(super) fn listen(ephemeral: bool, stop: mpsc::Sender<String>) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let by_signal = stop.clone();
    tokio::spawn(async move {
        let why = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        let _ = by_signal.send(why.to_owned()).await;
    });
    if ephemeral {
        // A thread of its own: a read that never returns must not keep the runtime from ending.
        std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            let mut byte = [0];
            while matches!(io::stdin().read(&mut byte), Ok(1)) {}
            let _ = stop.blocking_send("the run that it was started for has ended".to_owned());
        })?;
    }
    Ok(())
}

impl Daemon {
    /// Records the end. Enforcement stays.
    pub(super) fn finish(&mut self, rings: &mut Rings, why: &str) -> Result<(), String> {
        self.hear_the_rest(rings);
        self.record_last_gaps(rings);
        let ended = self.take(Input::Stop { why: why.to_owned() });
        let positions = Positions::new(
            self.registry.boot().to_owned(),
            rings.denies.last().collect(),
            rings.allows.last().collect(),
        );
        if let Err(error) = positions.leave(&self.paths) {
            tracing::warn!("the next daemon cannot tell what was heard: {error}");
        }
        // The lock is still held, so the socket is this daemon's own.
        let _ = std::fs::remove_file(&self.paths.socket);
        tracing::info!(why, "ended; enforcement stays");
        ended
    }

    /// Hears until nothing that happened before the end is unheard. Bounded: agents go on meanwhile.
    fn hear_the_rest(&mut self, rings: &mut Rings) {
        let end = boot_ns();
        for _ in 0..LAST_LOOKS {
            let heard = self.hear_now(rings);
            self.judge_all();
            if heard >= end {
                return;
            }
        }
        tracing::warn!("the rings are too full to be heard to their end; the next daemon goes on");
    }

    /// Takes the kernel programs away, if no process of any agent is left.
    pub(super) fn leave_nothing(&mut self) {
        self.look_for_ends();
        match self.labelled_slots() {
            Ok(slots) if slots.is_empty() => {}
            Ok(slots) => {
                return tracing::warn!(?slots, "agents live on, so the kernel programs stay in force");
            }
            Err(error) => return tracing::warn!("the kernel programs stay in force: {error}"),
        }
        match self.pins.teardown() {
            Ok(()) => {
                // Empty, or somebody else's by now: then it stays.
                let _ = std::fs::remove_dir(self.cgroups.root());
                tracing::info!("no agent is left; the kernel programs are taken away");
            }
            Err(error) => tracing::error!("the kernel programs cannot be taken away: {error}"),
        }
    }

    /// Where it listens.
    pub(super) fn socket(&self) -> &Path {
        &self.paths.socket
    }
}
