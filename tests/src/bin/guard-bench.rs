//! `guard-bench [SETUP…]`: what enforcement costs on the kernel that runs, one JSON line a figure. Needs root, and a
//! machine of its own whose clock counts instructions; `cargo xtask bench kernel` gives it one.

use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    match guard_tests::bench::run(&wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guard-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
