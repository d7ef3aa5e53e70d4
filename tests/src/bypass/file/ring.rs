//! Rings of io_uring: the same doors by another way, in the submitter, in a worker, in a thread that polls.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, PLACES, Refusal, TWO_PLACES, Trick, at, on_p, on_pd_at};
use crate::harness::fixture::SECRET;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("ring.py")), cases };

fn cases() -> Cases {
    let open =
        |id, sentence, function: &str| on_p(id, sentence, Operation::Open, &format!("!file.ring.{function}"));
    let name = |id, sentence, operation, function: &str, attack: &str, allowed: &str| {
        let line = |words: &str| format!("!file.ring.{function} {words}");
        on_pd_at(TWO_PLACES, id, sentence, operation, &line(attack), &line(allowed))
    };
    let secret = |id, sentence, function: &str| {
        let line = |path| format!("!file.ring.{function} {path}");
        at(
            PLACES,
            id,
            sentence,
            Refusal::no_edge(Surface::Read, Operation::Open),
            (&line("{s}"), &Effect::Told(SECRET)),
            (&line("{pd}/p"), &Effect::Told("the protected content")),
        )
    };
    [
        open("F30", "a_ring_does_not_open_for_writing", "write"),
        open("F30b", "a_rings_worker_does_not_open_for_writing", "write_by_worker"),
        open("F30c", "a_ring_does_not_open_into_its_own_table", "write_by_table"),
        name("F30d", "a_ring_unlinks_nothing", Operation::Unlink, "unlink", "{pd}/p", "{w}/f"),
        name("F30e", "a_ring_renames_nothing", Operation::Rename, "rename", "{pd}/p {pd}/n", "{w}/f {w}/n"),
        name("F30f", "a_ring_makes_no_folder", Operation::Mkdir, "mkdir", "{pd}/n", "{w}/n"),
        name("F30g", "a_ring_makes_no_symbolic_link", Operation::Symlink, "symlink", "/x {pd}/n", "/x {w}/n"),
        name("F30h", "a_ring_makes_no_second_name", Operation::Link, "link", "{pd}/p {w}/n", "{w}/f {w}/n"),
        secret("F30i", "a_ring_does_not_read_a_secret", "read"),
        open("F32", "a_ring_that_is_polled_does_not_open_for_writing", "write_polled"),
        secret("F32b", "a_ring_that_is_polled_does_not_read_a_secret", "read_polled"),
    ]
    .into()
}
