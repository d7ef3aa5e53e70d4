//! An `O_PATH` open asks nobody; the second open, through `/proc`, has to be asked about.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use guard_common::Operation;
use nix::fcntl::OFlag;

use super::open::write;
use super::{Trick, on_p};
use crate::act::way;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way("reopen", |a, _| reopen(a.path(0)?))],
    python: None,
    cases: || {
        let sentence = "a_handle_without_rights_cannot_be_reopened_for_writing";
        on_p("F12", sentence, Operation::Open, "reopen")
    },
};

fn reopen(path: &Path) -> io::Result<()> {
    let handle = OpenOptions::new().read(true).custom_flags(OFlag::O_PATH.bits()).open(path)?;
    write(Path::new(&format!("/proc/self/fd/{}", handle.as_raw_fd())), OFlag::O_WRONLY)
}
