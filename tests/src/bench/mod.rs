//! What enforcement costs, side by side: the same operations on one kernel in one boot, with nothing attached, under
//! each peer, with guard loaded, and inside an agent. Measures and tells; judges nothing.

mod daemon;
mod line;
mod memory;
mod peers;
mod place;
mod policy;
mod programs;
mod rules;
mod setup;
mod workload;

use anyhow::{Result, bail};

use self::line::Line;
use self::setup::Setup;

/// Measures the wanted set-ups, all of them where none is named.
pub fn run(wanted: &[String]) -> Result<()> {
    if let Some(word) = wanted.iter().find(|word| Setup::ALL.iter().all(|setup| setup.name() != **word)) {
        let known: Vec<&str> = Setup::ALL.iter().map(|setup| setup.name()).collect();
        bail!("`{word}` is no set-up; known: {}", known.join(", "));
    }
    place::build()?;
    Line::Kernel { release: std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned() }
        .tell()?;
    for setup in Setup::ALL {
        if wanted.is_empty() || wanted.iter().any(|word| word == setup.name()) {
            progress(setup.name())?;
            setup.measure()?;
        }
    }
    Ok(())
}

/// Says how far it is, and after how many instructions.
fn progress(stage: &str) -> Result<()> {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)?;
    eprintln!("guard-bench: {stage} (after {} thousand million instructions)", now.tv_sec());
    Ok(())
}
