//! Making and removing names, and cutting files by name.

use guard_common::Operation;

use super::{on_pd, on_pd_at};
use crate::harness::{Spot, Test, Who};

pub(super) fn all() -> Vec<Test> {
    let old = |sentence, operation, trick: &str| {
        on_pd(sentence, operation, &format!("{trick} {{pd}}/p"), &format!("{trick} {{w}}/f"))
    };
    let new = |sentence, operation, trick: &str| {
        on_pd(sentence, operation, &format!("{trick} {{pd}}/new"), &format!("{trick} {{w}}/new"))
    };
    let device = on_pd_at(
        Spot::Tmpfs,
        Who::Root,
        "a_device_cannot_be_made",
        Operation::Mknod,
        "mknod-device {pd}/new",
        "mkfifo {w}/new",
    );
    [
        old("a_file_cannot_be_truncated_by_name", Operation::Truncate, "truncate"),
        old("a_file_cannot_be_unlinked", Operation::Unlink, "unlink"),
        old("a_file_cannot_be_unlinked_through_a_descriptor", Operation::Unlink, "unlinkat"),
        new("a_folder_cannot_be_made", Operation::Mkdir, "mkdir"),
        on_pd("a_folder_cannot_be_removed", Operation::Rmdir, "rmdir {pd}/d", "rmdir {w}/d"),
        new("a_fifo_cannot_be_made", Operation::Mknod, "mkfifo"),
        new("a_plain_file_cannot_be_made_by_mknod", Operation::Mknod, "mknod"),
        new("a_socket_cannot_be_bound_to_a_name", Operation::Mknod, "bind-unix"),
        on_pd(
            "a_symbolic_link_cannot_be_made",
            Operation::Symlink,
            "symlink /etc/passwd {pd}/new",
            "symlink /etc/passwd {w}/new",
        ),
        vec![device],
    ]
    .into_iter()
    .flatten()
    .collect()
}
