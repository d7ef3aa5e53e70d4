//! Which process carries which label: asked of the kernel's own task storage, so that an agent is found wherever
//! it has moved to. Reads labels and signals by descriptor; sets none.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use aya::maps::MapData;
use guard_common::map::label::Label;
use guard_common::map::name;

use super::failure::MapFailure;
use super::pins::PinFolder;
use super::plain::Plain;
use super::sys;

/// Labels of living processes.
#[derive(Debug)]
pub struct Labels {
    map: MapData,
}

/// A living process that carries a label. Stays that process even where its number is used again.
#[derive(Debug)]
pub struct Labelled {
    /// Its number when it was looked up.
    pub pid: u32,
    /// Its label.
    pub label: Label,
    process: OwnedFd,
}

impl Labels {
    /// Opens the pinned task storage. Needs root; needs no daemon.
    pub fn open(pins: &PinFolder) -> Result<Self, MapFailure> {
        let path = pins.map(name::LABELS);
        MapData::from_pin(&path).map(|map| Self { map }).map_err(|error| MapFailure::open(&path, error))
    }

    /// Every process of this host that carries a label.
    pub fn all(&self) -> io::Result<Vec<Labelled>> {
        let mut labelled = Vec::new();
        self.each(|process| labelled.push(process)).map(|()| labelled)
    }

    /// The same, one after the other. One that cannot be looked at keeps no other from being found: the error names the
    /// first, and says how many there were.
    pub fn each(&self, found: impl FnMut(Labelled)) -> io::Result<()> {
        let entries = std::fs::read_dir("/proc")?;
        let numbered = |entry: io::Result<std::fs::DirEntry>| match entry {
            Ok(entry) => entry.file_name().to_str()?.parse().ok().map(Ok),
            Err(error) => Some(Err(error)),
        };
        visit(entries.filter_map(numbered), |pid| self.of(pid), found)
    }

    /// One process; `None` where it has no label, or is gone.
    pub fn of(&self, pid: u32) -> io::Result<Option<Labelled>> {
        let gone = |error: &io::Error| error.raw_os_error() == Some(nix::libc::ESRCH);
        let process = match sys::open_process(pid) {
            Ok(process) => process,
            Err(error) if gone(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        match sys::lookup_by_process::<Plain<Label>>(self.map.fd().as_fd(), process.as_fd()) {
            Ok(label) => Ok(label.map(|label| Labelled { pid, label: label.0, process })),
            // It ended after its descriptor was opened.
            Err(error) if gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Looks at each process, whatever became of the look at another.
fn visit<T>(
    pids: impl Iterator<Item = io::Result<u32>>,
    look: impl Fn(u32) -> io::Result<Option<T>>,
    mut found: impl FnMut(T),
) -> io::Result<()> {
    let (mut first, mut unseen) = (None, 0);
    for pid in pids {
        let looked = pid.map_err(|error| ("/proc".to_owned(), error));
        match looked.and_then(|pid| look(pid).map_err(|error| (format!("process {pid}"), error))) {
            Ok(labelled) => labelled.into_iter().for_each(&mut found),
            Err((what, error)) => {
                first.get_or_insert_with(|| format!("{what}: {error}"));
                unseen += 1;
            }
        }
    }
    match first {
        None => Ok(()),
        Some(first) if unseen == 1 => Err(io::Error::other(first)),
        Some(first) => Err(io::Error::other(format!("{first}, and {} more", unseen - 1))),
    }
}

impl Labelled {
    /// Kills it. Gone already is as good.
    pub fn kill(&self) -> io::Result<()> {
        match sys::kill_process(self.process.as_fd()) {
            Err(error) if error.raw_os_error() != Some(nix::libc::ESRCH) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_cannot_be_looked_at_is_told_and_hides_no_other() {
        let look = |pid: u32| match pid {
            2 => Err(io::Error::from_raw_os_error(nix::libc::EMFILE)),
            3 => Ok(None),
            pid => Ok(Some(pid)),
        };
        let mut found = Vec::new();
        let error = visit([1, 2, 3, 4].into_iter().map(Ok), look, |pid| found.push(pid)).unwrap_err();
        assert_eq!(found, [1, 4]);
        assert!(error.to_string().starts_with("process 2: "), "{error}");
        let error = visit([2, 2, 2].into_iter().map(Ok), look, |_| {}).unwrap_err();
        assert!(error.to_string().ends_with(", and 2 more"), "{error}");
        visit([1, 3].into_iter().map(Ok), look, |_| {}).unwrap();
    }
}
