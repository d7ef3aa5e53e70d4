//! Times: by name, by descriptor opened for reading only, by a handle without rights.

use guard_common::Operation;

use super::{Cases, Trick, on_p};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("times.py")), cases };

fn cases() -> Cases {
    let times = |id, sentence, function: &str| {
        on_p(id, sentence, Operation::Attribute, &format!("!file.times.{function}"))
    };
    [
        times("F25", "times_cannot_be_set", "utimensat"),
        times("F25b", "times_cannot_be_set_to_now", "touch"),
        times("F25c", "times_cannot_be_set_through_a_reading_descriptor", "futimens"),
        times("F25d", "times_cannot_be_set_by_the_older_call", "utimes"),
        times("F25e", "times_cannot_be_set_through_proc", "through_proc"),
    ]
    .into()
}
