//! Where everything is measured: a tmpfs with folders of three depths, a static program, and files that nobody has
//! opened before. Made outside any enforcer, owned by the user who acts.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, setrlimit};

use super::workload;
use crate::act::cost::Operation;
use crate::harness::fixture::{self, ACT, PROGRAM, USER};
use crate::harness::shell::sh;

/// Everything lies below, on a file system of its own.
pub(super) const TOP: &str = "/guardbench";
/// What the rules leave open.
pub(super) const WORK: &str = "/guardbench/work";
/// What they leave readable.
pub(super) const DATA: [&str; 3] = ["/guardbench/data/1", "/guardbench/data/2", "/guardbench/data/3"];
/// Files that large policies name.
pub(super) const MARKS: &str = "/guardbench/marks";
/// The work folder of agents.
pub(super) const AGENT: &str = "/guardbench/work/agent";
/// The user's home.
pub(super) const HOME: &str = "/guardbench/work/home";
/// Folders between the root and an object.
pub(super) const DEPTHS: [u32; 3] = [3, 12, 28];
/// The depth of everything that is measured at one depth only.
pub(super) const DEPTH: u32 = 12;

const FILES_MAX: u64 = 65_536;

/// Makes the place.
pub(super) fn build() -> Result<()> {
    // Where things lie in memory decides how many page tables a fork copies: let it be the same everywhere.
    fs::write("/proc/sys/kernel/randomize_va_space", "0")?;
    // Whether there is a huge page left, and when the kernel makes one of small ones, would decide it again.
    fs::write("/sys/kernel/mm/transparent_hugepage/enabled", "never")?;
    // The daemon keeps each file open that a policy names.
    setrlimit(Resource::RLIMIT_NOFILE, FILES_MAX, FILES_MAX)?;
    fixture::user()?;
    fs::create_dir_all(TOP)?;
    sh(&format!("mount -t tmpfs -o size=2g tmpfs {TOP}"))?;
    let act = std::env::current_exe()?.with_file_name("guard-act");
    fs::copy(act, ACT).context("guard-act cannot be copied")?;
    for folder in DATA.iter().chain(&[MARKS, AGENT, HOME]) {
        fs::create_dir_all(folder)?;
    }
    for depth in DEPTHS {
        let folder = folder(depth);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("f"), "x")?;
        fs::copy(PROGRAM, folder.join("true"))
            .context("the program is a copy of busybox, which is missing")?;
    }
    workload::build(Path::new(WORK))?;
    own(Path::new(WORK))
}

/// The folder of a depth: below the last rule's path, which is two folders deep.
pub(super) fn folder(depth: u32) -> PathBuf {
    (3..=depth).fold(PathBuf::from(WORK), |path, level| path.join(format!("{level:02}")))
}

/// Where an operation acts. What was made for it alone is gone with it, and with that what the kernel held for it.
pub(super) struct Folder(pub(super) PathBuf, bool);

impl Folder {
    pub(super) fn for_operation(operation: &Operation, depth: u32, acts: u32) -> Result<Self> {
        match operation.name {
            "open-first" => fresh(depth, acts),
            _ => Ok(Self(folder(depth), false)),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.1 {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// A new folder of that depth with as many new files.
pub(super) fn fresh(depth: u32, files: u32) -> Result<Folder> {
    let folder = folder(depth - 1).join("fresh");
    fs::create_dir(&folder)?;
    for index in 0..files {
        fs::write(folder.join(format!("{index:05}")), "x")?;
    }
    own(&folder)?;
    Ok(Folder(folder, true))
}

fn own(path: &Path) -> Result<()> {
    chown(path, Some(USER), Some(USER))?;
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            own(&entry?.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lies_as_deep_as_its_name_says() {
        for depth in DEPTHS {
            assert_eq!(folder(depth).components().count() as u32, depth + 1, "with the root");
        }
    }
}
