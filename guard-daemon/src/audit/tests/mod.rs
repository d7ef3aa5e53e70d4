//! Suites over whole ledgers on disk, and what they share.

mod append;
mod damage;
mod full;
mod kill;
mod query;
mod refuse;
mod tamper;

use std::net::Ipv4Addr;

use tempfile::TempDir;

use super::*;
use crate::model::action::{Actor, Object, Position, ProcessKey};
use crate::model::finding::{Answer, Basis, Finding};
use crate::model::record::{Enforce, Instance, Record};

/// A state folder of its own.
struct Scene {
    _folder: TempDir,
    place: Place,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path().join("state"));
        Self { _folder: folder, place }
    }

    fn open(&self) -> Ledger {
        Ledger::open(&self.place, host()).unwrap()
    }

    /// A closed ledger of batches of these sizes.
    fn with_batches(sizes: &[usize]) -> Self {
        let scene = Self::new();
        let mut ledger = scene.open();
        let mut number = 0;
        for size in sizes {
            ledger.append((number..number + size).map(|i| Pending::routine(decision(i))).collect()).unwrap();
            number += size;
        }
        scene
    }

    /// A copy of all its files, as they are now.
    fn copy(&self) -> Self {
        let copy = Self::new();
        let folders =
            [(self.place.state(), copy.place.state()), (&self.place.database(), &copy.place.database())];
        for (from, to) in folders {
            std::fs::create_dir_all(to).unwrap();
            let files = std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path());
            for file in files.filter(|path| path.is_file()) {
                std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
            }
        }
        copy
    }

    fn key(&self) -> PublicKey {
        PublicKey::load(&self.place.public_key()).unwrap()
    }

    fn verify(&self) -> Report {
        verify(&self.place, &self.key()).unwrap()
    }
}

/// Set in a process that a test starts of itself, to play a part.
const PART: &str = "GUARD_LEDGER_TEST_PART";
/// And the state folder that it plays with.
const STATE: &str = "GUARD_LEDGER_TEST_STATE";

/// The part that this process plays: `None` for the test itself.
fn part() -> Option<(String, Place)> {
    let state = std::env::var_os(STATE)?;
    Some((std::env::var(PART).ok()?, Place::new(state)))
}

/// This test again, in a process of its own, to play a part.
fn play(test: &str, part: &str, place: &Place) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(PART, part).env(STATE, place.state());
    command
}

fn host() -> Host {
    Host { daemon_sha256: "d".repeat(64), ebpf_sha256: "e".repeat(64), generation: 7 }
}

/// A record of the usual size; every third is a refusal.
pub(super) fn decision(number: usize) -> Record {
    let refused = number.is_multiple_of(3);
    let word = |yes: &str, no: &str| if refused { no.to_owned() } else { yes.to_owned() };
    let agent = ["claude", "codex", "scribe"][number % 5 % 3].to_owned();
    let file = Object::File {
        path: format!("/srv/work/project/src/file-{number}.rs"),
        second_path: None,
        dev: 0x0080_0001,
        ino: u64::MAX - number as u64,
        flags: 3,
    };
    let peer =
        Object::Peer { address: Ipv4Addr::new(10, 99, 0, 2).into(), port: 443, protocol: 6, family: 2 };
    Record::Enforce(Box::new(Enforce {
        at: 1 << 60,
        ring: word("allow", "deny"),
        position: Position { cpu: 1, seq: number as u64 + 1 },
        actor: Actor {
            slot: 3,
            profile: 1,
            process: ProcessKey { pid: 4242, start_boot_ns: u64::MAX },
            tid: 4243,
            uid: 1000,
            gid: 1000,
            cgroup: 1 << 55,
            comm: "python3".to_owned(),
        },
        instance: Some(Instance {
            agent,
            slot: 3,
            instance: "boot-3".to_owned(),
            profile: "coder".to_owned(),
        }),
        executable_sha256: Some("ab".repeat(32)),
        surface: if number.is_multiple_of(2) { "write".to_owned() } else { "connect".to_owned() },
        operation: "open".to_owned(),
        object: if number.is_multiple_of(2) { file } else { peer },
        zone: "work".to_owned(),
        generation: 7,
        policy_sha256: "cd".repeat(32),
        verdict: word("allow", "deny"),
        reason: word("edge_allows", "no_edge"),
        findings: vec![Finding {
            primitive: "network_boundary".to_owned(),
            answer: if refused { Answer::Fail } else { Answer::Pass },
            basis: Basis::Exact,
            reason: "an edge of the policy allows it".to_owned(),
        }],
    }))
}
