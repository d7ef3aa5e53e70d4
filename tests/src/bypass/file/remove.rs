//! Removing names.

use std::fs::File;
use std::path::Path;

use guard_common::Operation;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{Cases, Trick, on_p, on_pd};
use crate::act::way;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("unlink", |a, _| std::fs::remove_file(a.path(0)?)),
        way("unlinkat", |a, _| {
            let path = a.path(0)?;
            let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
            Ok(unlinkat(folder, path.file_name().unwrap_or_default(), UnlinkatFlags::NoRemoveDir)?)
        }),
        way("rmdir", |a, _| std::fs::remove_dir(a.path(0)?)),
    ],
    python: None,
    cases,
};

fn cases() -> Cases {
    let through = "a_file_cannot_be_unlinked_through_a_descriptor";
    [
        on_p("F21", "a_file_cannot_be_unlinked", Operation::Unlink, "unlink"),
        on_p("F21b", through, Operation::Unlink, "unlinkat"),
        on_pd("F21c", "a_folder_cannot_be_removed", Operation::Rmdir, "rmdir {pd}/d", "rmdir {w}/d"),
    ]
    .into()
}
