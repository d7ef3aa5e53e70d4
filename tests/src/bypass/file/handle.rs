//! A file opened by its handle: no name is looked up.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, on_pd_at};
use crate::harness::fixture::SECRET;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("handle.py")), cases };

fn cases() -> Cases {
    // An overlay has no handles unless it is asked for them.
    let places = [(Spot::Ext4, Who::Root), (Spot::Tmpfs, Who::Root)];
    let write = |id, sentence, function: &str| {
        let line = |path| format!("!file.handle.{function} {path}");
        on_pd_at(places, id, sentence, Operation::Open, &line("{pd}/p"), &line("{w}/f"))
    };
    [
        write("F14", "a_file_handle_opens_nothing_new", "write"),
        write("F14b", "a_folders_handle_opens_nothing_new", "write_below"),
        at(
            places,
            "F14c",
            "a_secrets_handle_does_not_open_it",
            Refusal::no_edge(Surface::Read, Operation::Open),
            ("!file.handle.read {s}", &Effect::Told(SECRET)),
            ("!file.handle.read {pd}/p", &Effect::Told("the protected content")),
        ),
    ]
    .into()
}
