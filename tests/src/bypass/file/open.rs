//! Opening for writing, by every flag and call there is.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use guard_common::Operation;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

use super::{Cases, Trick, on_p};
use crate::act::{CHANGED, way};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("write", |a, _| write(a.path(0)?, OFlag::O_WRONLY)),
        way("read-write", |a, _| write(a.path(0)?, OFlag::O_RDWR)),
        way("append", |a, _| write(a.path(0)?, OFlag::O_WRONLY | OFlag::O_APPEND)),
        way("create", |a, _| write(a.path(0)?, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC)),
        way("openat2", |a, _| write_openat2(a.path(0)?, ResolveFlag::RESOLVE_NO_MAGICLINKS)),
        way("openat2-beneath", |a, _| write_beneath(a.path(0)?, ResolveFlag::RESOLVE_BENEATH)),
        way("openat2-in-root", |a, _| write_beneath(a.path(0)?, ResolveFlag::RESOLVE_IN_ROOT)),
    ],
    python: None,
    cases,
};

/// Opens and overwrites.
pub(super) fn write(path: &Path, flags: OFlag) -> io::Result<()> {
    File::from(open(path, flags, Mode::from_bits_truncate(0o644))?).write_all(CHANGED)
}

fn write_openat2(path: &Path, resolve: ResolveFlag) -> io::Result<()> {
    let how = OpenHow::new().flags(OFlag::O_WRONLY).resolve(resolve);
    File::from(openat2(AT_FDCWD, path, how)?).write_all(CHANGED)
}

/// From the folder's own descriptor, and never out of it.
fn write_beneath(path: &Path, resolve: ResolveFlag) -> io::Result<()> {
    let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
    let how = OpenHow::new().flags(OFlag::O_WRONLY).resolve(resolve);
    File::from(openat2(folder, path.file_name().unwrap_or_default(), how)?).write_all(CHANGED)
}

fn cases() -> Cases {
    let on_p = |id, sentence, way| on_p(id, sentence, Operation::Open, way);
    [
        on_p("F01", "a_file_cannot_be_opened_for_writing", "write"),
        on_p("F01b", "a_file_cannot_be_opened_for_reading_and_writing", "read-write"),
        on_p("F01c", "a_file_cannot_be_appended_to", "append"),
        on_p("F01d", "openat2_cannot_open_for_writing", "openat2"),
        on_p("F01f", "openat2_cannot_open_beneath_a_folder", "openat2-beneath"),
        on_p("F01g", "openat2_cannot_open_in_a_root_of_its_own", "openat2-in-root"),
        on_p("F01e", "an_existing_file_cannot_be_created_over", "create"),
    ]
    .into()
}
