//! Where the daemon keeps what: the state folder outlives boots, the run folder does not.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::kernel::PinFolder;

/// The state folder unless told otherwise.
pub(crate) const STATE: &str = "/var/lib/guard";
/// The run folder unless told otherwise.
pub(super) const RUN: &str = "/run/guard";
/// Where an operator's policy is looked for.
pub(super) const POLICY: &str = "/etc/guard/policy.toml";

/// Its folders and files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Paths {
    /// Ledger, keys, policy in force, instances, journal of orders, temporary folders.
    pub state: PathBuf,
    /// Lock, and usually the socket.
    pub run: PathBuf,
    /// The admin socket.
    pub socket: PathBuf,
    /// The daemon's own program, and `guard` beside it.
    pub programs: Vec<PathBuf>,
}

impl Paths {
    /// Held by the one daemon.
    pub(super) fn lock(&self) -> PathBuf {
        self.run.join("guardd.lock")
    }

    /// Instances, as far as a restarted daemon needs them.
    pub(super) fn instances(&self) -> PathBuf {
        instances(&self.state)
    }

    /// The policy in force.
    pub(super) fn policy(&self) -> PathBuf {
        self.state.join("policy.json")
    }

    /// Surfaces that are off.
    pub(super) fn surfaces(&self) -> PathBuf {
        self.state.join("surfaces.json")
    }

    /// How far the rings were heard.
    pub(super) fn positions(&self) -> PathBuf {
        self.state.join("positions.json")
    }

    /// Private temporary folders, one an instance.
    pub(super) fn temps(&self) -> PathBuf {
        self.state.join("tmp")
    }

    /// Folders and files that no agent may reach, and that no work folder may contain.
    pub(super) fn guarded(&self) -> Vec<PathBuf> {
        let pins = PinFolder::default().root().to_owned();
        let mut guarded = vec![self.state.clone(), self.run.clone(), PathBuf::from("/etc/guard"), pins];
        guarded.push(host_lock());
        guarded.extend_from_slice(&self.programs);
        if !self.socket.starts_with(&self.run) {
            guarded.push(self.socket.clone());
        }
        guarded
    }

    /// Makes the folders. Agents' users pass through the state folder to their temporary folders, and list
    /// neither.
    pub(super) fn create(&self) -> io::Result<()> {
        folder(&self.run, 0o755)?;
        self.socket.parent().map_or(Ok(()), fs::create_dir_all)?;
        folder(&self.state, 0o711)?;
        folder(&self.temps(), 0o711)
    }
}

/// The folder that every daemon of this host locks, whatever it was told: beside the pins, which go when nothing is in
/// force. An agent that could open it could lock it, and keep the next daemon from starting.
pub(super) fn host_lock() -> PathBuf {
    PinFolder::default().root().with_file_name("guard-lock")
}

/// The program that runs here, and `guard` beside it. Asked at the start: a program that was replaced has no name.
pub(super) fn programs() -> Vec<PathBuf> {
    // Without it the daemon ends a moment later, for it cannot say which program it is.
    let Ok(own) = std::env::current_exe() else { return Vec::new() };
    let guard = own.with_file_name("guard");
    vec![own, guard]
}

/// Instances, by the state folder.
pub(super) fn instances(state: &Path) -> PathBuf {
    state.join("instances.json")
}

fn folder(path: &Path, mode: u32) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(named)?;
    // On a disk that came up read-only, what is right already need not be set.
    let now = fs::metadata(path).map_err(named)?.permissions().mode() & 0o7777;
    if now == mode { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(mode)).map_err(named) }
}
