//! The cache folder: what is slow to get or build and outlives a clean clone. Everything in it can be
//! deleted at any time; `cargo xtask setup` brings it back.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, anyhow};
use nix::fcntl::{Flock, FlockArg};

use crate::sh::say;

/// Where the cache is: `GUARD_CACHE`, or `guard` in the user's own cache folder.
pub(crate) fn root() -> Result<PathBuf> {
    let set = |key: &str| std::env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    let root = set("GUARD_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("guard")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/guard")))
        .ok_or_else(|| anyhow!("no place for the cache: neither GUARD_CACHE nor HOME is set"))?;
    folder(std::path::absolute(root)?)
}

/// Makes the folder if it is not there.
pub(crate) fn folder(path: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
    Ok(path)
}

/// Where cargo builds: shared by all checkouts, so that RocksDB's ten minutes are spent once.
pub(crate) fn target_dir() -> Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        Some(path) => Ok(std::path::absolute(path)?),
        None => folder(root()?.join("target")),
    }
}

/// Held until dropped: the target folder is this checkout's.
///
/// Cargo gives the same crate of two checkouts one place there, and takes what the other left for fresh where it is
/// the younger: a checkout that takes over throws out what the last one made of the workspace's own crates.
pub(crate) fn claim_target(checkout: &Path) -> Result<Lock> {
    let lock = lock("build", "build")?;
    let target = target_dir()?;
    let note = target.join("checkout");
    let own = checkout.as_os_str().as_encoded_bytes();
    if fs::read(&note).ok().as_deref() != Some(own) {
        for below in ["release", "bpf/release", "bpf/bpfel-unknown-none/release"] {
            forget_own_crates(&target.join(below).join(".fingerprint"))?;
        }
        folder(target)?;
        write_atomic(&note, own)?;
    }
    Ok(lock)
}

fn forget_own_crates(fingerprints: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(fingerprints) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b"guard-") {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Held until dropped: one process at a time does `what`.
#[must_use]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its drop")] Flock<File>);

pub(crate) fn lock(name: &str, what: &str) -> Result<Lock> {
    let path = root()?.join(format!("{name}.lock"));
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open the lock {}", path.display()))?;
    let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => return Ok(Lock(held)),
        Err((file, _)) => file,
    };
    say(&format!("waiting for another process to finish to {what}"));
    let held = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno);
    held.map(Lock).with_context(|| format!("cannot lock {}", path.display()))
}

/// FNV-1a, 64 bit: tells cache entries apart, protects nothing.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// Writes beside the file and renames: a reader sees the old content or the new one.
pub(crate) fn write_atomic(path: &Path, content: &[u8]) -> Result<()> {
    static WRITES: AtomicU32 = AtomicU32::new(0);
    let (process, write) = (std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed));
    let beside = path.with_extension(format!("{process}-{write}.part"));
    fs::write(&beside, content).with_context(|| format!("cannot write {}", beside.display()))?;
    fs::rename(&beside, path).with_context(|| format!("cannot replace {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_depends_on_where_parts_end() {
        let digest_of = |parts: &[&str]| digest(parts.iter().map(|part| part.as_bytes()));
        assert_ne!(digest_of(&["ab", "c"]), digest_of(&["a", "bc"]));
        assert_eq!(digest_of(&["ab", "c"]), digest_of(&["ab", "c"]));
    }
}
