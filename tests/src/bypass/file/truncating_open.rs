//! `O_TRUNC`: it empties a file even where it is opened for reading.

use guard_common::Operation;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::open::write;
use super::{Cases, Trick, on_p};
use crate::act::way;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("write-truncating", |a, _| write(a.path(0)?, OFlag::O_WRONLY | OFlag::O_TRUNC)),
        way("read-truncating", |a, _| {
            open(a.path(0)?, OFlag::O_RDONLY | OFlag::O_TRUNC, Mode::empty())?;
            Ok(())
        }),
    ],
    python: None,
    cases,
};

fn cases() -> Cases {
    [
        on_p("F03", "a_read_only_open_cannot_truncate", Operation::Open, "read-truncating"),
        on_p("F03b", "a_file_cannot_be_opened_truncating", Operation::Open, "write-truncating"),
    ]
    .into()
}
