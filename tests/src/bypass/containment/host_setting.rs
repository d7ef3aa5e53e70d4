//! The kernel's own settings, as files: among them programs that it starts by itself, as nobody's child.

use std::fs;

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::act::way;
use crate::harness::case::Undo;
use crate::harness::shell::sh;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way("put", |a, _| fs::write(a.path(0)?, a.text(1)?))],
    python: None,
    cases,
};

const CORE: &str = "/proc/sys/kernel/core_pattern";
const MODPROBE: &str = "/proc/sys/kernel/modprobe";
const FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";
const TRACING: &str = "/sys/kernel/tracing";
const KERNEL_PROBES: &str = "/sys/kernel/tracing/kprobe_events";
const PROGRAM_PROBES: &str = "/sys/kernel/tracing/uprobe_events";

fn cases() -> Cases {
    let set = |id, sentence, file: &'static str, value: &str| {
        let refusal = Refusal::no_edge(Surface::Write, Operation::Open);
        let attack = format!("put {file} {value}");
        let allowed = ("put {w}/f 1", &Effect::changed("{w}"));
        at([(Spot::Tmpfs, Who::Root)], id, sentence, refusal, (&attack, &Effect::Says(file)), allowed)
    };
    [
        set("C61", "the_kernel_starts_no_other_program_for_a_core", CORE, "|/guardtest/tmpfs/w/script")
            .prepared(|_| kept(CORE)),
        set("C61b", "the_kernel_starts_no_other_program_for_a_module", MODPROBE, "/guardtest/tmpfs/w/script")
            .prepared(|_| kept(MODPROBE)),
        set("C61c", "the_kernel_forwards_nothing_more", FORWARD, "1").prepared(|_| {
            fs::write(FORWARD, "0")?;
            kept(FORWARD)
        }),
        set("C15f", "no_probe_is_set_in_the_kernel", KERNEL_PROBES, "'p:guardtest do_sys_openat2'")
            .prepared(|_| unprobed(KERNEL_PROBES)),
        set("C15g", "no_probe_is_set_in_programs", PROGRAM_PROBES, "'p:guardtest /usr/bin/busybox:0x1000'")
            .prepared(|_| unprobed(PROGRAM_PROBES)),
    ]
    .into()
}

/// A setting that is put back.
struct Kept(&'static str, String);

pub(super) fn kept(file: &'static str) -> Result<Undo> {
    Ok(Box::new(Kept(file, fs::read_to_string(file)?)))
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Self(file, value) = self;
        // Nobody could be told.
        drop(fs::write(file, value));
    }
}

/// What is written there comes on top, but for nothing, which takes all away.
fn unprobed(file: &'static str) -> Result<Undo> {
    if !fs::exists(file)? {
        sh(&format!("mount -t tracefs tracefs {TRACING}"))?;
    }
    fs::write(file, "")?;
    kept(file)
}
