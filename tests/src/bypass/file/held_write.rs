//! Writing on a descriptor that was open before: by every call that writes bytes of one's own.

use guard_common::Operation;

use super::{Cases, Trick, on_held};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("held_write.py")), cases };

fn cases() -> Cases {
    let write = |id, sentence, function: &str| {
        on_held(id, sentence, Operation::Access, &format!("held_write.{function}"))
    };
    [
        write("F07", "a_descriptor_from_before_does_not_write", "write"),
        write("F07b", "a_descriptor_from_before_does_not_write_at_a_place", "pwrite"),
        write("F07c", "a_descriptor_from_before_does_not_write_what_is_scattered", "pwritev2"),
        write("F07d", "a_descriptor_from_before_does_not_write_behind_ones_back", "asynchronous"),
        write("F07e", "a_descriptor_from_before_takes_no_space", "allocate"),
        write("F07f", "a_descriptor_from_before_punches_no_hole", "punch"),
        write("F07g", "a_second_number_of_a_descriptor_does_not_write", "duplicate"),
        write("F07h", "a_ring_does_not_write_on_a_descriptor_from_before", "by_ring"),
        write("F07i", "a_rings_worker_does_not_write_on_a_descriptor_from_before", "by_worker"),
    ]
    .into()
}
