//! `cargo xtask test`: tidy, clippy, unit tests, then the kernel suites on each kernel in guests. At the end it
//! says again what failed; its last line is `N passed, N failed`, with `, N skipped` where something was.

mod count;
mod suites;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::ValueEnum;

use self::count::Count;
use crate::sh::say;
use crate::vm::{self, Which};
use crate::{build, cache, checkout, setup, tidy};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    Tidy,
    Clippy,
    Unit,
    Kernel,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kernels for the suites: 6.1, 6.12, 7.2, or all.
    #[arg(long, default_value = "all", value_parser = vm::which)]
    kernel: Which,
    /// Only this stage; may be given more than once.
    #[arg(long)]
    only: Vec<Stage>,
    /// End a guest when its part of the suites takes longer than this many seconds.
    #[arg(long, default_value_t = 2700)]
    timeout: u64,
    /// Only tests whose names contain one of these; passed on to the unit tests and the suites.
    #[arg(last = true)]
    filter: Vec<String>,
}

pub(crate) fn main(args: Args) -> Result<i32> {
    let wanted = |stage: Stage| args.only.is_empty() || args.only.contains(&stage);
    let mut total = Count::default();
    if wanted(Stage::Tidy) {
        total += timed("tidy", tidied)?;
    }
    if [Stage::Clippy, Stage::Unit, Stage::Kernel].into_iter().any(wanted) {
        timed("build", || build::all().map(|_| Count::default()))?;
    }
    if wanted(Stage::Clippy) {
        total += timed("clippy", clippy)?;
    }
    if wanted(Stage::Unit) {
        total += timed("unit tests", || unit(&args.filter))?;
    }
    if wanted(Stage::Kernel) {
        setup::ensure(setup::Need::Vm)?;
        total += timed("suites", || suites::run(&args.kernel.0, args.timeout, &args.filter))?;
    }
    total.wrong.iter().for_each(|line| println!("{line}"));
    println!("{total}");
    Ok(i32::from(total.failed > 0))
}

fn timed(name: &str, stage: impl FnOnce() -> Result<Count>) -> Result<Count> {
    let started = Instant::now();
    say(&format!("== {name}"));
    let count = stage()?;
    let took = started.elapsed().as_secs_f64();
    let what = if count == Count::default() { "done".to_owned() } else { count.to_string() };
    say(&format!("== {name}: {what} in {took:.1} s"));
    Ok(count)
}

fn tidied() -> Result<Count> {
    let tidy::Count { kept, broken } = tidy::run()?;
    let wrong = if broken == 0 { vec![] } else { vec!["FAIL tidy: see `cargo xtask tidy`".to_owned()] };
    Ok(Count { passed: kept, failed: broken, skipped: 0, wrong })
}

fn clippy() -> Result<Count> {
    let _claimed = cache::claim_target(&checkout::root())?;
    let mut cargo = build::workspace_cargo()?;
    cargo.args(["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    let status =
        cargo.stdin(Stdio::null()).stdout(std::io::stderr()).status().context("cannot start cargo")?;
    Ok(Count::of("clippy", status.success()))
}

fn unit(filter: &[String]) -> Result<Count> {
    let _claimed = cache::claim_target(&checkout::root())?;
    let mut cargo = build::workspace_cargo()?;
    cargo.args(["test", "--release", "--workspace", "--no-fail-fast", "--"]).args(filter);
    let (succeeded, lines) = shown(&mut cargo)?;
    Ok(count::unit(&lines, succeeded))
}

/// Runs with its standard output shown line by line, and kept.
fn shown(command: &mut Command) -> Result<(bool, String)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    let mut kept = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            std::io::stdout().write_all(&line)?;
            kept.push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    Ok((child.wait()?.success(), kept))
}
