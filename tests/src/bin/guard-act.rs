//! `guard-act TRICK ARGS…`: tries one thing and ends with the errno it met.

use std::ffi::OsString;

fn main() {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    std::process::exit(guard_tests::act::main(&words));
}
