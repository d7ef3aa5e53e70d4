//! X's bytes in a file of memory, which no path leads to.

use std::fs::File;
use std::io::{self, Write};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::fexecve;

use super::execve::{ended, environment};
use super::{EXEC, PLAIN, Trick, marked};
use crate::act::process::argv;
use crate::act::{Args, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("exec-memory", |a, _| exec_memory(a, MFdFlags::empty()))],
    python: None,
    cases: || marked("E08", "a_copy_in_memory_cannot_be_run", EXEC, "exec-memory {x} touch {mark}", PLAIN),
};

fn exec_memory(args: &Args, flags: MFdFlags) -> io::Result<()> {
    let memory = memfd_create("copy", flags)?;
    File::from(memory.try_clone()?).write_all(&std::fs::read(args.path(0)?)?)?;
    ended(fexecve(memory, &argv(args, 0)?, &environment()))
}
