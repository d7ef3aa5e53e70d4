//! A disk without room: enforcement goes on, and what could not be written is there once it can.

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::harness::guard::{self, Daemon, POLICY};
use crate::harness::shell::{sh, until};
use crate::harness::{Spot, Test, World, check};

const STATE: &str = "/guardtest/small";

pub(super) fn all() -> Vec<Test> {
    vec![check("a_full_disk_loses_nothing_and_opens_nothing", full)]
}

fn full(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    ensure!(world.take_daemon()?.stop()?.success(), "the daemon did not end in order");
    fs::create_dir_all(STATE)?;
    sh(&format!("mount -t tmpfs -o size=48m,mode=700 tmpfs {STATE}"))?;
    let result = on_small_disk(world);
    let unmounted = sh(&format!("umount {STATE}"));
    world.daemon()?;
    result.and(unmounted)
}

fn on_small_disk(world: &mut World) -> Result<()> {
    let daemon = Daemon::start_with(&["--state", STATE, "--policy", POLICY])?;
    let write = format!("write {}", Spot::Tmpfs.p());
    world.inside_only(&write)?;
    fill()?;
    let mut tids = Vec::new();
    for _ in 0..20 {
        let outcome = world.inside_only(&write)?;
        ensure!(outcome.code == nix::libc::EACCES, "on a full disk: {outcome:?}");
        tids.push(u64::from(outcome.tid));
    }
    until("status tells of the full disk", Duration::from_secs(20), || {
        let error = guard::json(&["status"])?["ledger_error"].take();
        Ok(error.as_str().is_some_and(|error| error.contains("space")))
    })?;
    fs::remove_file(format!("{STATE}/filler"))?;
    until("every refusal of the full disk is recorded", Duration::from_secs(30), || {
        let ended = guard::ok(&["audit", "query", "-n", "0", "--state", STATE, "--json"])?;
        Ok(tids.iter().all(|tid| ended.out.contains(&format!("\"tid\":{tid}"))))
    })?;
    ensure!(daemon.stop()?.success(), "the daemon did not end in order");
    guard::ok(&["audit", "verify", "--state", STATE]).map(drop)
}

/// To the last byte: what is left over is less than one page.
fn fill() -> Result<()> {
    let mut filler = File::create(format!("{STATE}/filler"))?;
    for size in [1 << 20, 4096, 1] {
        let block = vec![0u8; size];
        while filler.write_all(&block).is_ok() {}
    }
    Ok(())
}
