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
        for entry in std::fs::read_dir("/proc")? {
            if let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
                labelled.extend(self.of(pid)?);
            }
        }
        Ok(labelled)
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

impl Labelled {
    /// Kills it. Gone already is as good.
    pub fn kill(&self) -> io::Result<()> {
        match sys::kill_process(self.process.as_fd()) {
            Err(error) if error.raw_os_error() != Some(nix::libc::ESRCH) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
