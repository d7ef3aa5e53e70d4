//! Having the kernel write: what a crash leaves, its accounts, its swapped pages, its tracing.

use std::fs;

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::{Cases, Effect, PLACES, Refusal, Spot, Trick, Who, at, on_pd_at};
use crate::harness::case::Undo;
use crate::harness::shell::sh;

const CAPABILITY: Refusal = Refusal::no_edge(Surface::Admin, Operation::Capability);

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("kernel_writes.py")), cases };

fn cases() -> Cases {
    let root = [(Spot::Tmpfs, Who::Root), (Spot::Ext4, Who::Root)];
    let crash = |folder| format!("!file.kernel_writes.crash {folder}");
    [
        on_pd_at(PLACES, "F46", "a_crash_leaves_nothing", Operation::Mknod, &crash("{pd}"), &crash("{w}"))
            .both_prepared(cores_are_files),
        on_pd_at(
            root,
            "F46b",
            "no_accounts_are_written",
            Operation::Open,
            "!file.kernel_writes.account {pd}/p",
            "write {w}/f",
        )
        .each(|case| case.refusal = CAPABILITY)
        .ends_with(nix::libc::EPERM),
        at(
            [(Spot::Ext4, Who::Root)],
            "F46c",
            "no_pages_are_swapped_out_to_a_file",
            CAPABILITY,
            ("!file.kernel_writes.swap {pd}/swap", &Effect::Says("/proc/swaps")),
            ("write {w}/f", &Effect::changed("{w}")),
        )
        .prepared(swap_space)
        .ends_with(nix::libc::EPERM),
    ]
    .into()
}

/// How the kernel names what a crash leaves, as it was.
struct Pattern(String);

fn cores_are_files(_: Spot) -> Result<Undo> {
    let pattern = Pattern(fs::read_to_string("/proc/sys/kernel/core_pattern")?);
    fs::write("/proc/sys/kernel/core_pattern", "core")?;
    Ok(Box::new(pattern))
}

impl Drop for Pattern {
    fn drop(&mut self) {
        let _ = fs::write("/proc/sys/kernel/core_pattern", &self.0);
    }
}

struct Swap(String);

fn swap_space(spot: Spot) -> Result<Undo> {
    let path = spot.pd("swap");
    sh(&format!("dd if=/dev/zero of={path} bs=4096 count=256 status=none"))?;
    sh(&format!("chmod 600 {path}"))?;
    sh(&format!("mkswap -q {path}"))?;
    Ok(Box::new(Swap(path)))
}

impl Drop for Swap {
    fn drop(&mut self) {
        // In use only where the attack had its way.
        let _ = sh(&format!("swapoff {}", self.0));
    }
}
