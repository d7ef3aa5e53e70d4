//! Starting on a state folder that is wrong: refused with a clear word, and what is in force stays so.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use anyhow::{Result, ensure};

use crate::harness::database::Copy;
use crate::harness::guard::{Daemon, POLICY, refused_daemon};
use crate::harness::{Spot, Test, World, check};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_corrupt_database_is_refused_and_enforcement_stays", corrupt),
        check("somebody_elses_database_is_refused_and_enforcement_stays", foreign),
        check("a_lost_ledger_is_refused_and_enforcement_stays", lost),
        check("a_key_that_is_no_key_is_refused_and_enforcement_stays", no_key),
        check("a_key_that_others_can_read_is_refused_and_enforcement_stays", open_key),
        check("a_key_that_cannot_be_read_is_refused_and_enforcement_stays", unreadable_key),
        check("a_lost_key_is_refused_and_enforcement_stays", lost_key),
        check("another_key_is_refused_and_enforcement_stays", other_key),
        check("another_pair_of_keys_is_refused_and_enforcement_stays", other_pair),
    ]
}

/// Damages a copy of the state, and starts a daemon on it.
fn refused(
    world: &mut World,
    name: &str,
    damage: impl FnOnce(&Path) -> Result<()>,
    words: &[&str],
) -> Result<()> {
    world.must_allow("nothing")?;
    world.records()?;
    ensure!(world.take_daemon()?.stop()?.success(), "the daemon did not end in order");
    let copy = Copy::take(name)?;
    damage(copy.path())?;
    let state = copy.path().to_string_lossy().into_owned();
    let ended = refused_daemon(&["--state", &state, "--policy", POLICY]);
    let refused = world.inside_only(&format!("write {}", Spot::Tmpfs.p()))?;
    let allowed = world.inside_only(&format!("write {}", Spot::Tmpfs.w("f")))?;
    world.daemon()?;
    let ended = ended?;
    ensure!(ended.code() > 0, "the daemon ended with {}: {}", ended.status, ended.said());
    for word in words {
        ensure!(ended.said().contains(word), "it does not say {word:?}: {}", ended.said());
    }
    ensure!(!ended.said().contains("panicked"), "it panicked: {}", ended.said());
    ensure!(refused.code == nix::libc::EACCES, "meanwhile P could be written: {refused:?}");
    ensure!(allowed.code == 0, "meanwhile W could not be written: {allowed:?}");
    Ok(())
}

fn corrupt(world: &mut World) -> Result<()> {
    let damage = |state: &Path| {
        for entry in fs::read_dir(state.join("ledger"))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("MANIFEST") || name.ends_with(".sst") {
                fs::write(&path, vec![0xa5; usize::try_from(path.metadata()?.len())?])?;
            }
        }
        Ok(())
    };
    refused(world, "corrupt", damage, &["ledger", "damaged"])
}

fn foreign(world: &mut World) -> Result<()> {
    let damage = |state: &Path| {
        fs::remove_dir_all(state.join("ledger"))?;
        fs::create_dir(state.join("ledger"))?;
        Ok(fs::write(state.join("ledger/thesis.tex"), "years of work")?)
    };
    refused(world, "foreign", damage, &["not a ledger of guard"])?;
    let kept = fs::read_to_string("/guardtest/copies/foreign/ledger/thesis.tex")?;
    ensure!(kept == "years of work", "somebody else's file was changed");
    Ok(())
}

fn lost(world: &mut World) -> Result<()> {
    refused(world, "lost", |state| Ok(fs::remove_dir_all(state.join("ledger"))?), &["gone"])
}

fn no_key(world: &mut World) -> Result<()> {
    let damage = |state: &Path| Ok(fs::write(state.join("ledger.key"), "no key")?);
    refused(world, "no-key", damage, &["ledger.key"])
}

fn open_key(world: &mut World) -> Result<()> {
    let damage = |state: &Path| {
        let key = state.join("ledger.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644))?;
        Ok(chown(&key, Some(0), Some(0))?)
    };
    refused(world, "open-key", damage, &["ledger.key"])
}

/// Not even root can read a folder as a file.
fn unreadable_key(world: &mut World) -> Result<()> {
    let damage = |state: &Path| {
        fs::remove_file(state.join("ledger.key"))?;
        Ok(fs::create_dir(state.join("ledger.key"))?)
    };
    refused(world, "unreadable-key", damage, &["unreadable-key/ledger.key", "not an ordinary file"])
}

fn lost_key(world: &mut World) -> Result<()> {
    let damage = |state: &Path| Ok(fs::remove_file(state.join("ledger.key"))?);
    refused(world, "key-lost", damage, &["private key is gone"])
}

fn other_key(world: &mut World) -> Result<()> {
    let damage = |state: &Path| bring(state, &["ledger.key"]);
    refused(world, "other-key", damage, &["other-key/ledger.pub", "private key beside it"])
}

/// They belong together, and not to this ledger.
fn other_pair(world: &mut World) -> Result<()> {
    let damage = |state: &Path| bring(state, &["ledger.key", "ledger.pub"]);
    refused(world, "other-pair", damage, &["other-pair/ledger", "belongs to another key"])
}

/// Puts files of a ledger made elsewhere in the place of a ledger's own.
fn bring(state: &Path, names: &[&str]) -> Result<()> {
    const ELSEWHERE: &str = "/guardtest/elsewhere";
    if !fs::exists(ELSEWHERE)? {
        let daemon = Daemon::start_with(&["--state", ELSEWHERE, "--policy", POLICY])?;
        ensure!(daemon.stop()?.success(), "the daemon elsewhere did not end in order");
    }
    for name in names {
        let (theirs, own) = (fs::read(Path::new(ELSEWHERE).join(name))?, state.join(name));
        ensure!(theirs != fs::read(&own)?, "{name} is the same elsewhere");
        fs::write(own, theirs)?;
    }
    Ok(())
}
