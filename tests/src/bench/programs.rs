//! Where the instructions go: how often each program ran while one operation was repeated, and what it took. From
//! the kernel's own statistics, which cost a little themselves; so they are on for this only.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::line::Line;
use super::place::{DEPTH, Folder};
use super::setup::Subject;
use crate::act::cost::{self, Operation};
use crate::harness::shell::end;

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";
/// Repetitions; a program that ran in fewer than one of ten is somebody else's.
const ROUNDS: u32 = 256;
const RUNS_LEAST: f64 = 0.1;

/// Runs and instructions so far, by program.
type Totals = BTreeMap<String, (i64, i64)>;

/// `bpftool ARGS…`, as JSON.
pub(super) fn bpftool(words: &[&str]) -> Result<Value> {
    let ended = end(Command::new("bpftool").arg("-j").args(words))?;
    ensure!(ended.code() == 0, "`bpftool {}` failed: {}", words.join(" "), ended.said());
    serde_json::from_str(&ended.out).context("bpftool told no JSON")
}

/// Every operation's programs.
pub(super) fn every(subject: &mut Subject, setup: &'static str) -> Result<()> {
    let names: Vec<&'static str> = cost::ALL.iter().map(|operation| operation.name).collect();
    told(subject, setup, &names)
}

/// These operations' programs.
pub(super) fn told(subject: &mut Subject, setup: &'static str, names: &[&'static str]) -> Result<()> {
    std::fs::write(SWITCH, "1")?;
    let done = names.iter().try_for_each(|name| one(subject, setup, Operation::named(name)?));
    std::fs::write(SWITCH, "0")?;
    done
}

fn one(subject: &mut Subject, setup: &'static str, operation: &'static Operation) -> Result<()> {
    let folder = Folder::for_operation(operation, DEPTH, ROUNDS)?;
    let mut repeat = |rounds: u32| -> Result<Totals> {
        let words = [operation.name.to_owned(), folder.0.display().to_string(), rounds.to_string()];
        let before = totals()?;
        subject.order("repeat", &words)?;
        let mut spent = totals()?;
        for (program, (runs, instructions)) in &mut spent {
            let (runs_before, instructions_before) = before.get(program).copied().unwrap_or_default();
            (*runs, *instructions) = (*runs - runs_before, *instructions - instructions_before);
        }
        Ok(spent)
    };
    // What looking costs by itself: the order, and bpftool's own opens.
    let looking = repeat(0)?;
    for (program, (runs, instructions)) in repeat(ROUNDS)? {
        let (runs_beside, beside) = looking.get(&program).copied().unwrap_or_default();
        let (runs, instructions) = (runs - runs_beside, instructions - beside);
        let each = runs as f64 / f64::from(ROUNDS);
        if each >= RUNS_LEAST {
            let instructions = instructions as f64 / runs as f64;
            Line::Program { setup, operation: operation.name, program, runs: each, instructions }.tell()?;
        }
    }
    Ok(())
}

fn totals() -> Result<Totals> {
    let all = bpftool(&["prog", "show"])?;
    let mut totals = Totals::new();
    for row in all.as_array().context("bpftool tells no list")? {
        let number = |field: &str| row[field].as_i64().unwrap_or_default();
        let total = totals.entry(row["name"].as_str().unwrap_or("?").to_owned()).or_default();
        *total = (total.0 + number("run_cnt"), total.1 + number("run_time_ns"));
    }
    Ok(totals)
}
