//! `guard-suite [--list] [--enforcer NAME] [--except BEGIN] [FILTER…]`: the suites, on the kernel that runs. Needs
//! root, and a machine of its own. Filters choose by a part of a test's name, `--except` leaves out by its begin.
//!
//! Without an enforcer: everything, under guard. With one: the attacks alone, held against it, and a table of what it
//! refused. Under `none` every attack must succeed: the suite's proof of itself.

use std::process::ExitCode;

use guard_tests::harness::runner::{self, Tally};
use guard_tests::harness::{Enforcer, Test, World};

const USAGE: &str =
    "usage: guard-suite [--list] [--enforcer guard|none|landlock|apparmor] [--except BEGIN] [FILTER…]";

fn main() -> ExitCode {
    match Words::parse(std::env::args().skip(1)) {
        Ok(words) => run(&words),
        Err(problem) => {
            eprintln!("guard-suite: {problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The command line.
#[derive(Default)]
struct Words {
    list: bool,
    enforcer: Option<Enforcer>,
    filters: Vec<String>,
    except: Vec<String>,
}

impl Words {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--list" => parsed.list = true,
                "--enforcer" => {
                    let name = words.next().ok_or("--enforcer needs a name")?;
                    let known = Enforcer::of_name(&name).ok_or(format!("unknown enforcer {name}"))?;
                    parsed.enforcer = Some(known);
                }
                "--except" => parsed.except.push(words.next().ok_or("--except needs the begin of a name")?),
                option if option.starts_with('-') => return Err(format!("unknown option {option}")),
                _ => parsed.filters.push(word),
            }
        }
        Ok(parsed)
    }

    fn wants(&self, test: &Test) -> bool {
        let named = self.filters.is_empty() || self.filters.iter().any(|filter| test.name.contains(filter));
        let excepted = self.except.iter().any(|filter| test.name.starts_with(filter));
        named && !excepted && (self.enforcer.is_none() || test.is_attack())
    }
}

fn run(words: &Words) -> ExitCode {
    let mut tests = guard_tests::all();
    tests.retain(|test| words.wants(test));
    if words.list {
        tests.iter().for_each(|test| println!("{}", test.name));
        return ExitCode::SUCCESS;
    }
    let mut world = match World::build(words.enforcer.unwrap_or(Enforcer::Guard)) {
        Ok(world) => world,
        Err(error) => {
            println!("FAIL fixture: {error:#}\n0 passed, 1 failed, 0 skipped");
            return ExitCode::FAILURE;
        }
    };
    let Tally { passed, failed, skipped, lacking, score, wrong } = runner::run(&mut world, tests);
    if let Some(enforcer) = words.enforcer {
        wrong.iter().for_each(|line| println!("{line}"));
        println!("\nattacks held against {}:\n{score}", enforcer.name());
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped, {lacking} not on this kernel");
    if failed == 0 && skipped == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
