//! Which program acts: SHA-256 of what `/proc/PID/exe` leads to. Looked up as soon as an event is heard, hashed on
//! a thread of its own, remembered by what identifies the file and its content. Says why where it cannot know.
//!
//! It is the program that the process runs when the daemon looks: one that has replaced itself since its action
//! shows the later one.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::control::peer;
use crate::model::action::{Executable, ProcessKey};

/// Digests remembered. 4,096 * about 200 B = 800 KiB.
const KNOWN_MAX: usize = 4096;

/// Programs that wait to be hashed.
const WAITING_MAX: usize = 64;

/// What a file must agree in to be taken for the one that was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Identity {
    dev: u64,
    ino: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A digest that was computed.
#[derive(Debug)]
pub(super) struct Hashed {
    identity: Identity,
    digest: Executable,
}

/// What a look gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is known, or known to be unknowable.
    Known(Executable),
    /// It is being hashed.
    Waits(Identity),
}

/// Digests, and the thread that makes them.
pub(super) struct Executables {
    known: HashMap<Identity, Executable>,
    waiting: BTreeSet<Identity>,
    work: SyncSender<(Identity, File)>,
}

impl Executables {
    /// Starts the thread; what it finds comes out of the receiver and belongs to [`Self::learn`].
    pub(super) fn start() -> io::Result<(Self, mpsc::Receiver<Hashed>)> {
        let (work, jobs) = sync_channel(WAITING_MAX);
        let (results, hashed) = mpsc::channel(WAITING_MAX);
        thread::Builder::new().name("digests".to_owned()).spawn(move || hash_all(&jobs, &results))?;
        Ok((Self { known: HashMap::new(), waiting: BTreeSet::new(), work }, hashed))
    }

    /// Looks a process's program up.
    pub(super) fn look(&mut self, process: ProcessKey) -> Look {
        match identify(process) {
            Ok(identity) => self.look_up(process, identity),
            Err(why) => Look::Known(Executable::Absent(why)),
        }
    }

    /// What is known of a program by now.
    pub(super) fn known(&self, identity: &Identity) -> Option<&Executable> {
        self.known.get(identity)
    }

    /// Takes a digest.
    pub(super) fn learn(&mut self, Hashed { identity, digest }: Hashed) {
        self.waiting.remove(&identity);
        if self.known.len() >= KNOWN_MAX {
            // Seldom enough that hashing again costs less than knowing which was used last.
            self.known.clear();
        }
        self.known.insert(identity, digest);
    }

    fn look_up(&mut self, process: ProcessKey, identity: Identity) -> Look {
        if let Some(known) = self.known.get(&identity) {
            return Look::Known(known.clone());
        }
        if self.waiting.contains(&identity) {
            return Look::Waits(identity);
        }
        let absent = |why: &str| Look::Known(Executable::Absent(why.to_owned()));
        let Ok(file) = File::open(exe(process)) else { return absent("its program cannot be opened") };
        match self.work.try_send((identity, file)) {
            Ok(()) => {
                self.waiting.insert(identity);
                Look::Waits(identity)
            }
            Err(TrySendError::Full(_)) => absent("too many programs wait to be hashed"),
            Err(TrySendError::Disconnected(_)) => absent("nobody hashes programs any more"),
        }
    }
}

fn exe(process: ProcessKey) -> String {
    format!("/proc/{}/exe", process.pid)
}

fn identify(process: ProcessKey) -> Result<Identity, String> {
    let gone = || format!("process {} has ended", process.pid);
    let metadata = fs::metadata(exe(process)).map_err(|_| gone())?;
    // Asked after the look: if it is still the same process now, it was then.
    let ticks = process.start_boot_ns / (1_000_000_000 / peer::TICKS_PER_SECOND);
    match peer::start_ticks(process.pid) {
        Ok(start) if start == ticks => Ok(identity(&metadata)),
        Ok(_) | Err(_) => Err(gone()),
    }
}

fn identity(metadata: &fs::Metadata) -> Identity {
    Identity {
        dev: metadata.dev(),
        ino: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    }
}

fn hash_all(jobs: &Receiver<(Identity, File)>, results: &mpsc::Sender<Hashed>) {
    while let Ok((identity, file)) = jobs.recv() {
        let digest = hash(identity, file).map_or_else(Executable::Absent, Executable::Sha256);
        if results.blocking_send(Hashed { identity, digest }).is_err() {
            return;
        }
    }
}

fn hash(wanted: Identity, file: File) -> Result<String, String> {
    let same = |file: &File| file.metadata().is_ok_and(|metadata| identity(&metadata) == wanted);
    let began = same(&file);
    let digest = digest_of(&file).map_err(|error| format!("its program cannot be read: {error}"))?;
    if began && same(&file) { Ok(digest) } else { Err("its program changed".to_owned()) }
}

fn digest_of(mut file: &File) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex::encode(digest.finalize())),
            Ok(read) => digest.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// SHA-256 of a file, hex.
pub(super) fn sha256_of(path: &str) -> io::Result<String> {
    digest_of(&File::open(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this_process() -> ProcessKey {
        let pid = std::process::id();
        let ticks = peer::start_ticks(pid).unwrap();
        ProcessKey { pid, start_boot_ns: ticks * 10_000_000 + 1234 }
    }

    #[tokio::test]
    async fn a_program_is_hashed_once_and_then_known() {
        let (mut executables, mut hashed) = Executables::start().unwrap();
        let Look::Waits(identity) = executables.look(this_process()) else { panic!("known already") };
        assert_eq!(executables.look(this_process()), Look::Waits(identity), "asked for once");
        executables.learn(hashed.recv().await.unwrap());
        let wanted = Executable::Sha256(sha256_of("/proc/self/exe").unwrap());
        assert_eq!(executables.look(this_process()), Look::Known(wanted));
        assert!(hashed.try_recv().is_err());
    }

    #[tokio::test]
    async fn another_process_under_the_same_number_is_not_taken_for_it() {
        let (mut executables, _hashed) = Executables::start().unwrap();
        let mut process = this_process();
        process.start_boot_ns += 20_000_000;
        assert!(matches!(executables.look(process), Look::Known(Executable::Absent(_))));
        process.pid = u32::MAX;
        assert!(matches!(executables.look(process), Look::Known(Executable::Absent(_))));
    }

    #[test]
    fn a_program_that_changed_while_it_was_read_has_no_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, b"one").unwrap();
        let before = identity(&fs::metadata(&path).unwrap());
        fs::write(&path, b"another").unwrap();
        assert!(hash(before, File::open(&path).unwrap()).is_err());
        let now = identity(&fs::metadata(&path).unwrap());
        assert_eq!(hash(now, File::open(&path).unwrap()).unwrap(), hex::encode(Sha256::digest(b"another")));
    }
}
