//! Relative to a folder's descriptor.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use nix::fcntl::AtFlags;
use nix::unistd::execveat;

use super::execve::{ended, environment};
use super::{Trick, alike};
use crate::act::process::{argv, c};
use crate::act::{Args, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("exec-at", exec_at)],
    python: None,
    cases: || alike("E02", "a_program_cannot_be_run_relative_to_a_folder", "exec-at"),
};

fn exec_at(args: &Args, _: &mut dyn Write) -> io::Result<()> {
    let path = args.path(0)?;
    let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
    let name = c(path.file_name().unwrap_or_default())?;
    ended(execveat(folder, &name, &argv(args, 0)?, &environment(), AtFlags::empty()))
}
