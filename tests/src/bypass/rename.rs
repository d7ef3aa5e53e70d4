//! Moving names into and out of a zone.

use guard_common::Operation;

use super::on_pd;
use crate::harness::Test;

pub(super) fn all() -> Vec<Test> {
    let rename = |sentence, attack, allowed| on_pd(sentence, Operation::Rename, attack, allowed);
    [
        rename("nothing_can_be_moved_over_a_file", "rename {w}/f {pd}/p", "rename {w}/f {w}/f2"),
        rename("nothing_can_be_moved_in", "rename {w}/f {pd}/new", "rename {w}/f {w}/new"),
        rename("nothing_can_be_moved_out", "rename {pd}/p {w}/new", "rename {w}/f {w}/new"),
        rename("nothing_can_be_moved_within", "rename {pd}/p {pd}/new", "rename {w}/f {w}/d/new"),
        rename("no_folder_can_be_moved_out", "rename {pd}/d {w}/new", "rename {w}/d {w}/new"),
        rename("no_folder_can_be_moved_in", "rename {w}/d {pd}/new", "rename {w}/d {w}/new"),
        rename("the_zones_own_folder_cannot_be_moved", "rename {pd} {top}/pd-moved", "rename {w}/d {w}/new"),
        rename(
            "a_move_that_replaces_nothing_is_refused_too",
            "rename-noreplace {w}/f {pd}/new",
            "rename-noreplace {w}/f {w}/new",
        ),
        rename("an_exchange_cannot_bring_in", "rename-exchange {w}/f {pd}/p", "rename-exchange {w}/f {w}/d"),
        rename("an_exchange_cannot_take_out", "rename-exchange {pd}/p {w}/f", "rename-exchange {w}/d {w}/f"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
