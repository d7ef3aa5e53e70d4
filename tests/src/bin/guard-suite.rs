//! `guard-suite [--list] [--unguarded] [FILTER…]`: the suites, on the kernel that runs. Needs root, and a machine
//! of its own. With `--unguarded` no guard is started, and every attack must reach its effect: the suite's proof
//! of itself.

use std::process::ExitCode;

use guard_tests::harness::{Test, World, runner};

fn main() -> ExitCode {
    let mut filters: Vec<String> = std::env::args().skip(1).collect();
    let list = filters.iter().any(|word| word == "--list");
    let unguarded = filters.iter().any(|word| word == "--unguarded");
    filters.retain(|word| word != "--list" && word != "--unguarded");
    if let Some(word) = filters.iter().find(|word| word.starts_with('-')) {
        eprintln!("guard-suite: unknown option {word}\nusage: guard-suite [--list] [--unguarded] [FILTER…]");
        return ExitCode::from(2);
    }
    let mut tests = guard_tests::all();
    tests.retain(|test| wanted(test, &filters));
    if list {
        tests.iter().for_each(|test| println!("{}", test.name));
        return ExitCode::SUCCESS;
    }
    let mut world = match World::build(!unguarded) {
        Ok(world) => world,
        Err(error) => {
            println!("FAIL fixture: {error:#}\n0 passed, 1 failed, 0 skipped");
            return ExitCode::FAILURE;
        }
    };
    let tally = runner::run(&mut world, tests);
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    if tally.failed == 0 && tally.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wanted(test: &Test, filters: &[String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| test.name.contains(filter.as_str()))
}
