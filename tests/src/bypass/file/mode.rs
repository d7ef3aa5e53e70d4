//! Permission bits.

use std::fs::{File, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use guard_common::Operation;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat};

use super::{Cases, Trick, on_p, on_pd};
use crate::act::way;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("chmod", |a, _| set_permissions(a.path(0)?, Permissions::from_mode(0o700))),
        way("fchmod", |a, _| Ok(fchmod(File::open(a.path(0)?)?, Mode::S_IRWXU)?)),
        way("fchmodat", |a, _| {
            Ok(fchmodat(AT_FDCWD, a.path(0)?, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?)
        }),
    ],
    python: Some(include_str!("mode.py")),
    cases,
};

fn cases() -> Cases {
    let mode = |id, sentence, way| on_p(id, sentence, Operation::Chmod, way);
    [
        mode("F23", "a_mode_cannot_be_changed", "chmod"),
        mode("F23b", "a_mode_cannot_be_changed_through_a_reading_descriptor", "fchmod"),
        mode("F23c", "a_mode_cannot_be_changed_relative_to_a_folder", "fchmodat"),
        on_pd("F23d", "a_folders_mode_cannot_be_changed", Operation::Chmod, "chmod {pd}/d", "chmod {w}/d"),
        mode("F23e", "a_mode_cannot_be_changed_through_a_handle_without_rights", "!file.mode.by_empty_path")
            .since(6, 6, "fchmodat2"),
    ]
    .into()
}
