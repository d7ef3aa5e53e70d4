//! Moving names into and out of a zone, and within it.

use std::path::Path;

use guard_common::Operation;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::{Cases, TWO_PLACES, Trick, on_pd, on_pd_at};
use crate::act::way;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("rename", |a, _| std::fs::rename(a.path(0)?, a.path(1)?)),
        way("rename-noreplace", |a, _| rename(a.path(0)?, a.path(1)?, RenameFlags::RENAME_NOREPLACE)),
        way("rename-whiteout", |a, _| rename(a.path(0)?, a.path(1)?, RenameFlags::RENAME_WHITEOUT)),
        way("rename-exchange", |a, _| rename(a.path(0)?, a.path(1)?, RenameFlags::RENAME_EXCHANGE)),
    ],
    python: None,
    cases,
};

fn rename(from: &Path, to: &Path, flags: RenameFlags) -> std::io::Result<()> {
    Ok(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags)?)
}

fn cases() -> Cases {
    let rename = |id, sentence, attack, allowed| on_pd(id, sentence, Operation::Rename, attack, allowed);
    [
        rename("F19", "nothing_can_be_moved_over_a_file", "rename {w}/f {pd}/p", "rename {w}/f {w}/f2"),
        rename("F19b", "nothing_can_be_moved_in", "rename {w}/f {pd}/new", "rename {w}/f {w}/new"),
        rename("F19c", "nothing_can_be_moved_out", "rename {pd}/p {w}/new", "rename {w}/f {w}/new"),
        rename("F19d", "nothing_can_be_moved_within", "rename {pd}/p {pd}/new", "rename {w}/f {w}/d/new"),
        rename("F19e", "no_folder_can_be_moved_out", "rename {pd}/d {w}/new", "rename {w}/d {w}/new"),
        rename("F19f", "no_folder_can_be_moved_in", "rename {w}/d {pd}/new", "rename {w}/d {w}/new"),
        rename(
            "F19g",
            "the_zones_own_folder_cannot_be_moved",
            "rename {pd} {top}/pd-moved",
            "rename {w}/d {w}/new",
        ),
        rename(
            "F19h",
            "a_move_that_replaces_nothing_is_refused_too",
            "rename-noreplace {w}/f {pd}/new",
            "rename-noreplace {w}/f {w}/new",
        ),
        on_pd_at(
            TWO_PLACES,
            "F19k",
            "a_move_that_leaves_a_whiteout_takes_nothing_out",
            Operation::Rename,
            "rename-whiteout {pd}/p {w}/new",
            "rename-whiteout {w}/f {w}/new",
        ),
        on_pd_at(
            TWO_PLACES,
            "F19l",
            "a_move_that_leaves_a_whiteout_brings_nothing_in",
            Operation::Rename,
            "rename-whiteout {w}/f {pd}/new",
            "rename-whiteout {w}/f {w}/new",
        ),
        rename(
            "F19i",
            "an_exchange_cannot_bring_in",
            "rename-exchange {w}/f {pd}/p",
            "rename-exchange {w}/f {w}/d",
        ),
        rename(
            "F19j",
            "an_exchange_cannot_take_out",
            "rename-exchange {pd}/p {w}/f",
            "rename-exchange {w}/d {w}/f",
        ),
    ]
    .into()
}
