//! What the kernel holds for guard: by its own account of maps and programs, as `guard status` states it, and by what
//! many agents take beside that.

use std::fs;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result};

use super::line::Line;
use super::policy::ENROLLED;
use crate::harness::guard::{self, enter};
use crate::harness::shell::until;

/// Until what is freed late is free.
const SETTLE: Duration = Duration::from_secs(2);

/// Fields of `/proc/meminfo` that are the kernel's own and no file's: objects, what each processor has, stacks and
/// tables.
const OWN: [&str; 3] = ["SUnreclaim:", "Percpu:", "VmallocUsed:"];

/// Tells what is held for a policy of so many entries.
pub(super) fn tell(entries: usize) -> Result<()> {
    let status = guard::json(&["status"])?;
    let held = status["kernel_memory_bytes"].as_u64().context("status states no memory")?;
    Line::Memory { entries, held }.tell()
}

/// Agents whose memory is told.
const AGENTS: usize = 1_000;
/// As many at once as the daemon has places ready for, and some to spare.
const AT_ONCE: usize = 100;
/// A control group of no rule.
const PLAIN: &str = "/bench-plain";

/// Tells what agents take: by how much more the kernel's memory grew with so many that wait, each in a control group
/// of its own that a rule takes, than with as many processes in others.
pub(super) fn tell_agents() -> Result<()> {
    // The first ones pay for what all share.
    drop(Crowd::start(PLAIN, AGENTS)?);
    drop(Crowd::start(ENROLLED, AT_ONCE)?);
    let plain = grown(PLAIN)?;
    let grown = grown(ENROLLED)? - plain;
    Line::Agents { agents: AGENTS, grown }.tell()
}

fn grown(above: &str) -> Result<i64> {
    let before = own()?;
    let crowd = Crowd::start(above, AGENTS)?;
    let after = own()?;
    drop(crowd);
    Ok(after.cast_signed() - before.cast_signed())
}

/// Bytes that the kernel holds for itself, once it has let go of what it only remembers.
fn own() -> Result<u64> {
    std::thread::sleep(SETTLE);
    fs::write("/proc/sys/vm/drop_caches", "3")?;
    std::thread::sleep(SETTLE);
    let text = fs::read_to_string("/proc/meminfo")?;
    let field = |name: &&str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        number.with_context(|| format!("/proc/meminfo has no {name}"))
    };
    Ok(OWN.iter().map(field).sum::<Result<u64>>()? * 1024)
}

/// Processes that wait, each in a control group of its own.
struct Crowd(Vec<(Child, String)>);

impl Crowd {
    fn start(above: &str, size: usize) -> Result<Self> {
        let known = alive()?;
        let mut crowd = Self(Vec::new());
        for index in 0..size {
            let cgroup = format!("/sys/fs/cgroup{above}/{index}");
            fs::create_dir_all(&cgroup).with_context(|| cgroup.clone())?;
            let child = Command::new("sleep").arg("infinity").spawn().context("cannot start sleep")?;
            let pid = child.id();
            crowd.0.push((child, cgroup.clone()));
            enter(&cgroup, pid)?;
            let number = index + 1;
            if above == ENROLLED && (number == size || number.is_multiple_of(AT_ONCE)) {
                let what = format!("{number} agents are known");
                until(&what, Duration::from_secs(120), || Ok(alive()? >= known + number))?;
            }
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for (child, _) in &mut self.0 {
            // Who is gone already is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
        for (_, cgroup) in &self.0 {
            if let Err(error) = fs::remove_dir(cgroup) {
                eprintln!("guard-bench: {cgroup}: {error}");
            }
        }
    }
}

fn alive() -> Result<usize> {
    let agents = guard::json(&["agents"])?;
    let agents = agents.as_array().context("`guard agents` tells no list")?;
    Ok(agents.iter().filter(|agent| agent["alive"] == true).count())
}
