//! guard's own folders: state with ledger and keys, run folder, pins. A stand-in lies in each, so that nothing is lost
//! where the attack succeeds.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::case::Undo;
use crate::harness::fixture::{give, put};

const STATE: &str = "/var/lib/guard/stand-in";
const RUN: &str = "/run/guard/stand-in";
const PINS: &str = "/sys/fs/bpf/guard/stand-in";

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let own = |id, sentence, surface, operation, attack: String, effect: &Effect| {
        // Permissions keep everybody else out as it is.
        let places = [(Spot::Tmpfs, Who::Root)];
        let allowed = ("write {w}/f", &Effect::changed("{w}"));
        at(places, id, sentence, Refusal::no_edge(surface, operation), (&attack, effect), allowed)
    };
    let in_state = |id, sentence, operation, attack: &str| {
        let attack = attack.replace("{own}", STATE);
        own(id, sentence, Surface::Write, operation, attack, &Effect::changed(STATE))
            .prepared(|_| standing(STATE))
    };
    let in_pins = |id, sentence, operation, attack: &str| {
        let attack = attack.replace("{own}", PINS);
        own(id, sentence, Surface::Write, operation, attack, &Effect::changed(PINS))
            .prepared(|_| pinned(PINS))
    };
    [
        in_state("T10", "the_state_is_not_written", Operation::Open, "write {own}/f"),
        in_state("T10b", "the_state_is_not_truncated", Operation::Truncate, "truncate {own}/f"),
        in_state("T10c", "the_state_is_not_removed", Operation::Unlink, "unlink {own}/f"),
        in_state("T10d", "the_state_is_not_moved_away", Operation::Rename, "rename {own}/f {own}/g"),
        in_state("T10e", "nothing_is_moved_over_the_state", Operation::Rename, "rename {own}/g {own}/f"),
        in_state("T10f", "the_states_mode_stays", Operation::Chmod, "chmod {own}/f"),
        in_state("T10g", "nothing_is_added_to_the_state", Operation::Mknod, "create {own}/new"),
        in_state("T10h", "the_state_gets_no_second_name", Operation::Link, "link {own}/f {own}/h"),
        own(
            "T10i",
            "the_state_is_not_read",
            Surface::Read,
            Operation::Open,
            format!("read {STATE}/f"),
            &Effect::Told("the protected content"),
        )
        .prepared(|_| standing(STATE)),
        own(
            "T10j",
            "the_run_folder_is_not_written",
            Surface::Write,
            Operation::Open,
            format!("write {RUN}/f"),
            &Effect::changed(RUN),
        )
        .prepared(|_| standing(RUN)),
        in_pins("T05", "a_pin_is_not_removed", Operation::Rmdir, "rmdir {own}/d"),
        in_pins("T05b", "a_pin_is_not_moved", Operation::Rename, "rename {own}/d {own}/e"),
        in_pins("T05c", "no_pin_is_made", Operation::Mkdir, "mkdir {own}/new"),
        in_pins("T05d", "a_pins_mode_stays", Operation::Chmod, "chmod {own}/d"),
    ]
    .into()
}

/// A folder that is removed again.
struct StandIn(PathBuf);

fn standing(folder: &str) -> Result<Undo> {
    let stand_in = open_to_all(folder)?;
    for name in ["f", "g"] {
        put(stand_in.0.join(name).as_ref(), b"the protected content\n")?;
    }
    Ok(Box::new(stand_in))
}

fn pinned(folder: &str) -> Result<Undo> {
    let stand_in = open_to_all(folder)?;
    let below = stand_in.0.join("d");
    fs::create_dir(&below)?;
    give(&below, 0o777)?;
    Ok(Box::new(stand_in))
}

/// Permissions let everybody through; where guard's own folder has stricter ones, only root comes so far.
fn open_to_all(folder: &str) -> Result<StandIn> {
    drop(fs::remove_dir_all(folder));
    fs::create_dir_all(folder)?;
    give(folder.as_ref(), 0o777)?;
    Ok(StandIn(folder.into()))
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // It may be gone already.
        drop(fs::remove_dir_all(&self.0));
    }
}
