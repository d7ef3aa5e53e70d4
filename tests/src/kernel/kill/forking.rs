//! Processes that make others faster than anybody lists them, when they are to be killed.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::harness::fixture::ACT;
use crate::harness::guard::enter;
use crate::harness::shell::until;
use crate::harness::{Test, Who, World, check, guard};
use crate::kernel::apply::{under, with};
use crate::kernel::halt::{Agent, cgroup_of};

/// Stands in the command line of each.
const MARK: &str = "who-multiplies";
/// Root may make namespaces then.
const MAY_ADMIN: &str = "[[edges]]\nprofile = \"suite\"\nzone = \"host\"\nallow = [\"admin\"]\n";

pub(super) fn all() -> Vec<Test> {
    vec![check(
        "of_those_who_multiply_in_sessions_and_namespaces_of_their_own_and_in_other_cgroups_nobody_survives",
        multiplying,
    )]
}

/// Those that live, by pid. One that is dead has no command line.
fn living() -> Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        // It may end while it is looked at.
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if line.starts_with(ACT.as_bytes()) && String::from_utf8_lossy(&line).contains(MARK) {
            pids.extend(entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
        }
    }
    Ok(pids)
}

/// How many live where a file of theirs says so.
fn number(file: &str, says: impl Fn(&str) -> bool) -> Result<usize> {
    let text = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    Ok(living()?.iter().filter(|pid| says(&text(pid))).count())
}

fn left_cgroup() -> Result<usize> {
    number("cgroup", |text| text.trim() == "0::/")
}

fn in_own_namespace() -> Result<usize> {
    let is_nested = |line: &str| line.starts_with("NSpid:") && line.split_whitespace().count() > 2;
    number("status", |text| text.lines().any(is_nested))
}

fn multiplying(_: &mut World) -> Result<()> {
    let name = "multiplier";
    under(&with(MAY_ADMIN), || {
        let agent = Agent::start_as(Who::Root, name, &[ACT, "multiply", MARK])?;
        // Two of them stay; the others are gone when they are looked at.
        until("they multiply in a namespace too", Duration::from_secs(30), || Ok(in_own_namespace()? >= 2))?;
        let procs = format!("{}/cgroup.procs", cgroup_of(name)?);
        until("some have left the cgroup", Duration::from_secs(30), || {
            // The first two stay; who is not there any more stays where it was.
            fs::read_to_string(&procs)?.lines().skip(2).for_each(|pid| {
                let _ = pid.parse().map(|pid| enter("/sys/fs/cgroup", pid));
            });
            Ok(left_cgroup()? >= 3)
        })?;
        let report = guard::json(&["kill", "--agent", name, "--mode", "terminate"])?;
        let left = living()?;
        std::thread::sleep(Duration::from_millis(300));
        let later = living()?;
        drop(agent);
        ensure!(left.is_empty() && later.is_empty(), "{left:?} live on, and later {later:?}: {report}");
        Ok(())
    })
}
