//! Watching files: who is told that somebody opened one gets a descriptor of it, opened by the kernel on the watcher's
//! behalf.

use std::process::{Child, Command, Stdio};

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::case::Undo;
use crate::harness::fixture::SECRET;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("watched.py")), cases };

fn cases() -> Cases {
    let places = [(Spot::Tmpfs, Who::Root), (Spot::Ext4, Who::Root)];
    let watch = |id, sentence, attack, effect| {
        let refusal = Refusal::no_edge(Surface::Admin, Operation::Capability);
        at(places, id, sentence, refusal, (attack, effect), ("write {w}/f", &Effect::changed("{w}")))
            .ends_with(nix::libc::EPERM)
            .prepared(readers)
    };
    [
        watch("F61", "a_watched_secret_is_not_read", "!file.watched.read {s}", &Effect::Told(SECRET)),
        watch(
            "F61b",
            "a_watched_file_is_not_written",
            "!file.watched.write {pd}/p",
            &Effect::changed("{pd}"),
        ),
    ]
    .into()
}

/// Somebody outside who reads both files over and over.
struct Readers(Child);

fn readers(spot: Spot) -> Result<Undo> {
    let script = format!("while :; do read x <{}; read x <{}; sleep 0.02; done", spot.s(), spot.p());
    let child =
        Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
    Ok(Box::new(Readers(child)))
}

impl Drop for Readers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
