//! Having the kernel run it: as the handler of crashes, or as the program that it loads modules by.

use std::fs;

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::{Cases, PLAIN, Refusal, Spot, Trick, Who, marked_at};
use crate::harness::case::Undo;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("kernel_helper.py")), cases };

fn cases() -> Cases {
    let refusal = Refusal::no_edge(Surface::Write, Operation::Open);
    let helper = |id, sentence, function: &str| {
        let line = format!("!exec.kernel_helper.{function} {{w}}/helper {{mark}}");
        marked_at([(Spot::Tmpfs, Who::Root)], id, sentence, refusal, &line, PLAIN).prepared(settings_restored)
    };
    [
        helper("E60", "the_kernel_runs_nothing_of_the_agents_for_a_crash", "crash"),
        helper("E61", "the_kernel_runs_nothing_of_the_agents_for_a_module", "module"),
    ]
    .into()
}

/// Which programs the kernel calls, as they were.
struct Settings(Vec<(&'static str, Vec<u8>)>);

fn settings_restored(_: Spot) -> Result<Undo> {
    let read = |path| -> Result<_> { Ok((path, fs::read(path)?)) };
    let paths = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe"];
    Ok(Box::new(Settings(paths.into_iter().map(read).collect::<Result<_>>()?)))
}

impl Drop for Settings {
    fn drop(&mut self) {
        for (path, text) in &self.0 {
            let _ = fs::write(path, text);
        }
    }
}
