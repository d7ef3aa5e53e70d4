//! Waits for instances' last processes: the kernel changes `cgroup.events` when a cgroup falls empty. One thread
//! for all; the loop looks at every cgroup each second as well, so that an end is late at worst.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::mpsc;

/// How long one look may take before newcomers are taken in.
const PATIENCE_MS: u16 = 100;

/// The thread's other end.
#[derive(Debug)]
pub(crate) struct Ends(Sender<(u32, PathBuf)>);

struct Watched {
    slot: u32,
    events: File,
}

impl Ends {
    /// Starts the thread; slots whose cgroup fell empty come out of `ended`.
    pub(crate) fn start(ended: mpsc::Sender<u32>) -> io::Result<Self> {
        let (newcomers, receiver) = channel();
        thread::Builder::new().name("ends".to_owned()).spawn(move || watch_all(&receiver, &ended))?;
        Ok(Self(newcomers))
    }

    /// Waits for this cgroup from now on.
    pub(crate) fn watch(&self, slot: u32, cgroup: &Path) {
        // Without the thread, the loop's own look each second finds the end.
        let _ = self.0.send((slot, cgroup.join("cgroup.events")));
    }
}

fn watch_all(newcomers: &Receiver<(u32, PathBuf)>, ended: &mpsc::Sender<u32>) {
    let mut watched: Vec<Watched> = Vec::new();
    loop {
        if !take_newcomers(newcomers, &mut watched, ended) {
            return;
        }
        let mut polled: Vec<PollFd<'_>> =
            watched.iter().map(|one| PollFd::new(one.events.as_fd(), PollFlags::POLLPRI)).collect();
        // An interrupted look is an early one.
        let _ = poll(&mut polled, PollTimeout::from(PATIENCE_MS));
        let changed: Vec<bool> =
            polled.iter().map(|one| one.revents().is_some_and(|flags| !flags.is_empty())).collect();
        let mut changed = changed.into_iter();
        watched.retain_mut(|one| !changed.next().unwrap_or(true) || goes_on(one, ended));
    }
}

/// Waits where nothing is watched. `false`: nobody will ever ask again.
fn take_newcomers(
    newcomers: &Receiver<(u32, PathBuf)>,
    watched: &mut Vec<Watched>,
    ended: &mpsc::Sender<u32>,
) -> bool {
    loop {
        let next = match watched.is_empty() {
            true => newcomers.recv().map_err(|_| TryRecvError::Disconnected),
            false => newcomers.try_recv(),
        };
        match next {
            Ok((slot, events)) => {
                let Ok(events) = File::open(events) else {
                    let _ = ended.blocking_send(slot);
                    continue;
                };
                let mut one = Watched { slot, events };
                // Reading arms the next change: look first, wait then.
                if goes_on(&mut one, ended) {
                    watched.push(one);
                }
            }
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Disconnected) => return false,
        }
    }
}

fn goes_on(one: &mut Watched, ended: &mpsc::Sender<u32>) -> bool {
    let mut text = String::new();
    // A cgroup that vanished cannot be read, and holds no process.
    let read = one.events.rewind().and_then(|()| one.events.read_to_string(&mut text));
    if read.is_ok() && text.lines().any(|line| line == "populated 1") {
        return true;
    }
    let _ = ended.blocking_send(one.slot);
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_empty_cgroup_and_one_that_is_gone_are_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (ended, mut told) = mpsc::channel(4);
        let ends = Ends::start(ended).unwrap();
        std::fs::write(folder.path().join("cgroup.events"), "populated 0\nfrozen 0\n").unwrap();
        ends.watch(7, folder.path());
        assert_eq!(told.recv().await, Some(7));
        ends.watch(8, &folder.path().join("gone"));
        assert_eq!(told.recv().await, Some(8));
    }
}
