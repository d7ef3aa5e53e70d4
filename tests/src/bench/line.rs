//! One figure, one line of JSON on standard output: what a reader of figures gets to see.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

use crate::act::cost::Figure;

/// A figure and what it is of. Counts are of instructions, sizes of bytes.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line {
    /// The kernel that all of it was measured on.
    Kernel { release: String },
    /// One operation.
    Operation {
        setup: &'static str,
        operation: &'static str,
        /// Folders between the root and the object, where it is named.
        depth: Option<u32>,
        /// Entries of the policy beside its rules, where a policy is in force.
        entries: Option<usize>,
        #[serde(flatten)]
        figure: Figure,
        /// By guardd for one of them, then or later.
        daemon: u64,
    },
    /// One program of guard's while one operation was repeated.
    Program { setup: &'static str, operation: &'static str, program: String, runs: f64, instructions: f64 },
    /// One whole workload.
    Workload {
        setup: &'static str,
        workload: &'static str,
        #[serde(flatten)]
        figure: Figure,
        daemon: u64,
    },
    /// What the kernel holds for guard, as `guard status` states it.
    Memory { entries: usize, held: u64 },
    /// By how much more the kernel's memory grew for so many agents than for as many other processes.
    Agents { agents: usize, grown: i64 },
}

impl Line {
    /// Tells it at once.
    pub(super) fn tell(&self) -> Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(self)?)?;
        Ok(out.flush()?)
    }
}
