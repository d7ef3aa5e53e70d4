//! The same socket by another name.

use super::{Cases, Trick, on_socket};

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    [
        on_socket(
            "I04",
            "a_symbolic_link_leads_no_further",
            "unix-stream {w}/to-socket",
            "unix-stream {w}/sockets/stream",
        ),
        on_socket(
            "I04b",
            "a_name_from_within_the_folder_leads_no_further",
            "in-folder {pd}/sockets unix-stream stream",
            "in-folder {w}/sockets unix-stream stream",
        ),
    ]
    .into()
}
