//! The plain call.

use std::convert::Infallible;
use std::ffi::CString;
use std::io;

use nix::unistd::execv;

use super::{Trick, alike};
use crate::act::process::{argv, c};
use crate::act::{Args, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    // The first argument is the program, the rest are its own.
    ways: &[way_alone("exec", |a, _| ended(execv(&c(a.word(0)?)?, &argv(a, 0)?)))],
    python: None,
    cases: || alike("E01", "a_program_cannot_be_run", "exec"),
};

/// What a call that does not come back came back with.
pub(super) fn ended(result: nix::Result<Infallible>) -> io::Result<()> {
    match result {
        Ok(never) => match never {},
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn environment() -> Vec<CString> {
    vec![c"PATH=/usr/sbin:/usr/bin:/sbin:/bin".to_owned()]
}

/// Runs the program that stands at a position, with what follows it.
pub(super) fn run_from(args: &Args, at: usize) -> io::Result<()> {
    ended(execv(&c(args.word(at)?)?, &argv(args, at)?))
}
