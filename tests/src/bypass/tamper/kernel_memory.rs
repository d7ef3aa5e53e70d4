//! The kernel's memory, as files.

use std::fs::File;
use std::io::Read;

use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::act::way;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("read-start", |a, out| {
            let mut start = [0; 64];
            let read = File::open(a.path(0)?)?.read(&mut start)?;
            writeln!(out, "read {read}")
        }),
        way("open-to-write", |a, out| {
            File::options().write(true).open(a.path(0)?)?;
            writeln!(out, "opened")
        }),
    ],
    python: None,
    cases,
};

fn cases() -> Cases {
    let memory = |id, sentence, refusal, attack, told| {
        let allowed = ("write {w}/f", &Effect::changed("{w}"));
        at([(Spot::Tmpfs, Who::Root)], id, sentence, refusal, (attack, &Effect::Told(told)), allowed)
    };
    let taken = Refusal::no_edge(Surface::Admin, Operation::Capability);
    let opened = Refusal::no_edge(Surface::Write, Operation::Open);
    [
        memory("T20", "the_kernels_memory_is_not_written", opened, "open-to-write /dev/mem", "opened"),
        memory("T20b", "the_machines_memory_is_not_read", taken, "read-start /dev/mem", "read 64")
            .ends_with(EPERM),
        memory("T20c", "the_kernels_core_is_not_read", taken, "read-start /proc/kcore", "read 64")
            .ends_with(EPERM),
        memory("T20d", "the_kernels_log_is_not_written", opened, "open-to-write /dev/kmsg", "opened"),
    ]
    .into()
}
