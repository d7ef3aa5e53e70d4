//! A kernel that the programs were not written for: here the one that runs, with other types shown in the place of its
//! own. The daemon names what does not fit and does not start; no agent is launched, and what is in force stays.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::harness::fixture::{MARKS, PROGRAM};
use crate::harness::shell::{Ended, end_within, sh};
use crate::harness::world::Side;
use crate::harness::{Spot, Test, Who, World, act, check, guard};

/// Where the kernel shows its types.
const TYPES: &str = "/sys/kernel/btf/vmlinux";
/// What stands there instead.
const OTHER: &str = "/tmp/guardtest-types";
/// Longest that a daemon may take to say no, on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

pub(super) fn all() -> Vec<Test> {
    vec![
        check(
            "on_a_kernel_without_a_field_that_is_read_the_daemon_names_it_and_nobody_is_launched",
            no_field,
        ),
        check(
            "on_a_kernel_whose_hook_takes_something_else_the_daemon_names_it_and_nobody_is_launched",
            other_hook,
        ),
    ]
}

fn no_field(world: &mut World) -> Result<()> {
    under(world, &[("d_parent", "d_absent")], &["struct dentry", "d_parent"])
}

/// Two hooks take each other's names.
fn other_hook(world: &mut World) -> Result<()> {
    let (one, other) = ("bpf_lsm_file_open", "bpf_lsm_path_link");
    under(world, &[(one, other), (other, one)], &["file_open", "struct file *", "struct dentry *"])
}

/// With names of the kernel's types changed.
fn under(world: &mut World, changes: &[(&str, &str)], said: &[&str]) -> Result<()> {
    world.must_allow("nothing")?;
    world.take_daemon()?.kill()?;
    let types = fs::read(TYPES)?;
    let other = changes.iter().try_fold(types.clone(), |other, change| renamed(&types, other, *change))?;
    fs::write(OTHER, other)?;
    sh(&format!("mount --bind {OTHER} {TYPES}"))?;
    let result = refused(world, said);
    sh(&format!("umount {TYPES}"))?;
    result?;
    // The kernel is its own again.
    world.put_daemon(guard::Daemon::start()?);
    world.must_still_allow(&format!("write {}", Spot::Tmpfs.w("f")))?;
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p())).map(drop)
}

/// Types with another name, of the same length, wherever the name stands in `types`.
fn renamed(types: &[u8], mut other: Vec<u8>, (name, by): (&str, &str)) -> Result<Vec<u8>> {
    let whole = format!("\0{name}\0");
    let at = types.windows(whole.len()).position(|window| window == whole.as_bytes());
    let at = at.with_context(|| format!("the kernel's types have no {name}"))?;
    other[at + 1..at + 1 + name.len()].copy_from_slice(by.as_bytes());
    Ok(other)
}

fn refused(world: &mut World, said: &[&str]) -> Result<()> {
    let names_it = |ended: &Ended| {
        let missing = said.iter().find(|word| !ended.said().contains(**word));
        ensure!(missing.is_none(), "it does not say {missing:?}: {}", ended.said());
        Ok(())
    };
    let daemon = end_within(guard::as_user(Who::Root, "guardd").args(["--policy", guard::POLICY]), LIMIT)?;
    ensure!(daemon.code() == 1, "the daemon ended with {}: {}", daemon.code(), daemon.said());
    names_it(&daemon)?;
    let doctor = guard::guard(&["doctor", "--json"])?;
    ensure!(doctor.code() == 1, "doctor ended with {}: {}", doctor.code(), doctor.said());
    names_it(&doctor)?;
    let mark = format!("{MARKS}/launched");
    for who in Who::BOTH {
        let words = ["run", "--workdir", "/guardtest/work", "--", PROGRAM, "touch", &mark];
        let run = end_within(guard::as_user(who, "guard").args(words), LIMIT)?;
        ensure!(run.code() == 1, "{who:?}: `guard run` ended with {}: {}", run.code(), run.said());
        ensure!(!fs::exists(&mark)?, "{who:?}: the program was started: {}", run.said());
    }
    as_before(world)
}

/// The agent that was there is held by the programs that are; nobody else notices anything.
fn as_before(world: &mut World) -> Result<()> {
    let write = format!("write {}", Spot::Tmpfs.p());
    let inside = world.inside_only(&write)?;
    ensure!(inside.code == nix::libc::EACCES, "the agent's `{write}` ended with {inside:?}");
    world.must_still_allow(&format!("write {}", Spot::Tmpfs.w("f")))?;
    let outside = world.perform(Side::Outside, Who::User, &act(&write))?;
    ensure!(outside.code == 0, "outside any agent `{write}` ended with {outside:?}");
    Ok(())
}
