//! Writing on a descriptor that was open before what the kernel takes from elsewhere: files, pipes, memory.

use guard_common::Operation;

use super::{Cases, Trick, on_held};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("held_copy.py")), cases };

fn cases() -> Cases {
    let copy = |id, sentence, function: &str| {
        on_held(id, sentence, Operation::Access, &format!("held_copy.{function}"))
    };
    [
        copy("F08", "sendfile_does_not_write", "sendfile"),
        copy("F08b", "splice_does_not_write", "splice"),
        copy("F08c", "copy_file_range_does_not_write", "copy_file_range"),
        copy("F08d", "pages_given_to_a_pipe_are_not_written", "vmsplice"),
        copy("F08e", "a_pipe_that_was_duplicated_is_not_written", "tee"),
        copy("F08f", "a_ring_does_not_splice", "by_ring"),
    ]
    .into()
}
