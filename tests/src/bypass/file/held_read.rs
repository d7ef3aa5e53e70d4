//! Reading S on a descriptor that was open before: by every call that hands bytes out.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, PLACES, Refusal, Trick, at};
use crate::harness::fixture::SECRET;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("held_read.py")), cases };

fn cases() -> Cases {
    let read = |id, sentence, operation, function: &str| {
        let line = |path| format!("!!file.held_read.{function} {path}");
        let (attack, allowed) = (line("{s}"), line("{pd}/p"));
        at(
            PLACES,
            id,
            sentence,
            Refusal::no_edge(Surface::Read, operation),
            (&attack, &Effect::Told(SECRET)),
            (&allowed, &Effect::Told("the protected content")),
        )
    };
    [
        read("F49b", "a_descriptor_from_before_does_not_read", Operation::Access, "read"),
        read("F49c", "a_descriptor_from_before_does_not_read_what_is_scattered", Operation::Access, "preadv"),
        read("F49d", "a_mapping_of_a_descriptor_from_before_does_not_read", Operation::Map, "map"),
        read("F49e", "sendfile_does_not_read", Operation::Access, "sendfile"),
        read("F49f", "splice_does_not_read", Operation::Access, "splice"),
        read("F49g", "copy_file_range_does_not_read", Operation::Access, "copy_file_range"),
        read("F49h", "a_ring_does_not_read_into_its_own_memory", Operation::Access, "by_ring"),
        read("F49i", "a_descriptor_from_before_is_not_reopened", Operation::Open, "reopen"),
        read("F49j", "a_private_mapping_does_not_read", Operation::Map, "map_privately"),
    ]
    .into()
}
