//! Making files by opening them, with and without a name.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use guard_common::Operation;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::linkat;

use super::open::write;
use super::{Cases, TWO_PLACES, Trick, on_new, on_pd, on_pd_at};
use crate::act::{CHANGED, way};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("create-new", |a, _| write(a.path(0)?, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL)),
        way("read-creating", |a, _| {
            open(a.path(0)?, OFlag::O_RDONLY | OFlag::O_CREAT, Mode::S_IRUSR)?;
            Ok(())
        }),
        // `create-in FOLDER NAME`, for names that no text can carry.
        way("create-in", |a, _| {
            write(&a.path(0)?.join(a.path(1)?), OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL)
        }),
        way("tmpfile", |a, _| tmpfile(a.path(0)?, a.path(1)?)),
    ],
    python: None,
    cases,
};

/// A file without a name, then a name for it.
fn tmpfile(folder: &Path, name: &Path) -> io::Result<()> {
    let mode = Mode::from_bits_truncate(0o644);
    let mut file = File::from(open(folder, OFlag::O_TMPFILE | OFlag::O_WRONLY, mode)?);
    file.write_all(CHANGED)?;
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(AT_FDCWD, source.as_str(), AT_FDCWD, name, AtFlags::AT_SYMLINK_FOLLOW)?)
}

fn cases() -> Cases {
    let on_new = |id, sentence, way| on_new(id, sentence, Operation::Mknod, way);
    [
        on_new("F02", "a_new_file_cannot_be_created", "create"),
        on_new("F02b", "a_new_file_cannot_be_created_exclusively", "create-new"),
        on_new("F02c", "a_read_only_open_cannot_create", "read-creating"),
        on_pd(
            "F02e",
            "a_new_file_cannot_be_created_through_a_link_that_leads_nowhere",
            Operation::Mknod,
            "create {w}/to-new",
            "create {w}/new",
        ),
        // Overlays have no nameless files on every kernel.
        on_pd_at(
            TWO_PLACES,
            "F02d",
            "a_nameless_file_cannot_be_made_and_named",
            Operation::Open,
            "tmpfile {pd} {pd}/new",
            "tmpfile {w} {w}/new",
        ),
    ]
    .into()
}
