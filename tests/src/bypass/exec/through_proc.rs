//! By names that the kernel makes up: descriptors, the root and the current folder as `/proc` shows them.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use nix::unistd::execv;

use super::execve::ended;
use super::{Cases, EXEC, Trick, alike, marked};
use crate::act::process::{argv, c};
use crate::act::{Args, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way_alone("exec-proc-fd", |a, _| through(a, "/proc/self/fd")),
        way_alone("exec-dev-fd", |a, _| through(a, "/dev/fd")),
    ],
    python: None,
    cases,
};

fn through(args: &Args, folder: &str) -> io::Result<()> {
    let file = File::options().read(true).custom_flags(OFlag::O_PATH.bits()).open(args.path(0)?)?;
    ended(execv(&c(OsStr::new(&format!("{folder}/{}", file.as_raw_fd())))?, &argv(args, 0)?))
}

fn cases() -> Cases {
    [
        alike("E04", "a_program_cannot_be_run_through_proc", "exec-proc-fd"),
        alike("E04b", "a_program_cannot_be_run_through_dev", "exec-dev-fd"),
        marked(
            "E04c",
            "a_program_cannot_be_run_through_procs_root",
            EXEC,
            "exec /proc/self/root{x} touch {mark}",
            "exec /proc/self/root/usr/bin/busybox touch {mark}",
        ),
        marked(
            "E04d",
            "a_program_cannot_be_run_through_procs_current_folder",
            EXEC,
            "in-folder {top}/w exec /proc/self/cwd/../xd/busybox touch {mark}",
            "in-folder /usr/lib exec /proc/self/cwd/../bin/busybox touch {mark}",
        ),
    ]
    .into()
}
