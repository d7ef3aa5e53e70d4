//! `cargo xtask conformance`: the catalogue of attacks held against an enforcer, in a VM. Prints a line for each
//! case and a table by class. guard has to refuse all; where nobody enforces, all have to succeed; what others
//! let through is told.

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use crate::sh::say;
use crate::vm::{self, Job, Which};
use crate::{build, setup};

const SUITE: &str = "guard-suite";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Enforcer {
    /// guard; exit status 0 only if every attack is refused, recorded, and nothing else is.
    Guard,
    /// Nobody; exit status 0 only if every attack succeeds: the cases have teeth.
    None,
    /// Landlock, with an equivalent of the suite's policy: told, not judged.
    Landlock,
    /// AppArmor, with an equivalent of the suite's policy: told, not judged.
    #[value(name = "apparmor")]
    AppArmor,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Who has to refuse the attacks.
    #[arg(long, value_enum, default_value = "guard")]
    enforcer: Enforcer,
    /// Kernels: 6.1, 6.12, 7.2, or all.
    #[arg(long, default_value = "6.12", value_parser = vm::which)]
    kernel: Which,
    /// End a kernel's run when it takes longer than this many seconds.
    #[arg(long, default_value_t = 1800)]
    timeout: u64,
    /// Only cases whose names contain one of these: `::E10::`, `file::rename`.
    filter: Vec<String>,
}

pub(crate) fn main(Args { enforcer, kernel: Which(kernels), timeout, filter }: Args) -> Result<i32> {
    setup::ensure(setup::Need::Vm)?;
    build::all()?;
    let name = enforcer.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let command = [SUITE.to_owned(), "--enforcer".to_owned(), name.clone()].into_iter().chain(filter);
    let job = Job { timeout: Some(Duration::from_secs(timeout)), ..Job::new(command.collect()) };
    let mut worst = 0;
    for kernel in kernels {
        say(&format!("== attacks against {name} on {}", kernel.name()));
        let end = vm::run(kernel, &job)?.end;
        say(&format!(
            "== attacks against {name} on {}: {}",
            kernel.name(),
            verdict(enforcer, vm::status(end))
        ));
        worst = worst.max(vm::status(end));
    }
    Ok(worst)
}

fn verdict(enforcer: Enforcer, status: i32) -> &'static str {
    match (enforcer, status) {
        (Enforcer::Guard, 0) => "all refused, and each refusal recorded",
        (Enforcer::None, 0) => "all succeed",
        (Enforcer::Landlock | Enforcer::AppArmor, 0) => "the table tells",
        (_, 124..=125) => "the guest did not come to the end",
        (_, _) => "not as it should be; the table is followed by the cases",
    }
}
