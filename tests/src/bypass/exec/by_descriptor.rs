//! By a descriptor and an empty path, opened for reading or without any right.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::{AtFlags, OFlag};
use nix::unistd::{execveat, fexecve};

use super::execve::{ended, environment};
use super::{Cases, Trick, alike};
use crate::act::process::argv;
use crate::act::{Args, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way_alone("exec-fd", |a, _| {
            let file = File::open(a.path(0)?)?;
            ended(fexecve(file.as_fd(), &argv(a, 0)?, &environment()))
        }),
        way_alone("exec-empty-path", |a, _| by_descriptor(a, 0)),
        way_alone("exec-empty-path-opath", |a, _| by_descriptor(a, OFlag::O_PATH.bits())),
    ],
    python: None,
    cases,
};

fn by_descriptor(args: &Args, flags: i32) -> io::Result<()> {
    let file = File::options().read(true).custom_flags(flags).open(args.path(0)?)?;
    ended(execveat(file, c"", &argv(args, 0)?, &environment(), AtFlags::AT_EMPTY_PATH))
}

fn cases() -> Cases {
    [
        alike("E03", "a_program_cannot_be_run_by_descriptor", "exec-fd"),
        alike("E03b", "a_program_cannot_be_run_by_an_empty_path", "exec-empty-path"),
        alike("E03c", "a_program_cannot_be_run_by_a_handle_without_rights", "exec-empty-path-opath"),
    ]
    .into()
}
