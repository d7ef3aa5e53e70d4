//! An `O_PATH` open asks nobody; the second open, through `/proc`, has to be asked about.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use guard_common::{Operation, Surface};
use nix::fcntl::OFlag;

use super::open::write;
use super::{Cases, Refusal, Spot, Trick, Who, on_p, on_pd_at};
use crate::act::way;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("reopen", |a, _| reopen(a.path(0)?, OFlag::O_PATH)),
        way("reopen-reading", |a, _| reopen(a.path(0)?, OFlag::empty())),
    ],
    python: Some(include_str!("reopen.py")),
    cases,
};

fn reopen(path: &Path, flags: OFlag) -> io::Result<()> {
    let handle = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    write(Path::new(&format!("/proc/self/fd/{}", handle.as_raw_fd())), OFlag::O_WRONLY)
}

fn cases() -> Cases {
    let open = |id, sentence, way| on_p(id, sentence, Operation::Open, way);
    [
        open("F12", "a_handle_without_rights_cannot_be_reopened_for_writing", "reopen"),
        open("F12b", "a_reading_descriptor_cannot_be_reopened_for_writing", "reopen-reading"),
        // The kernel asks for a capability before it follows these links.
        on_pd_at(
            [(Spot::Tmpfs, Who::Root), (Spot::Ext4, Who::Root)],
            "F12c",
            "a_mapped_file_cannot_be_reopened_for_writing",
            Operation::Open,
            "!file.reopen.mapped_file {pd}/p",
            "write {w}/f",
        )
        .each(|case| case.refusal = Refusal::no_edge(Surface::Admin, Operation::Capability))
        .asked_again()
        .ends_with(nix::libc::EPERM),
    ]
    .into()
}
