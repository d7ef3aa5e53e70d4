//! The same socket by another name.

use anyhow::Result;

use super::{Cases, Prepare, Trick, on_socket, on_socket_at};
use crate::bypass::TWO_PLACES;
use crate::harness::case::Undo;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("other_name.py")), cases };

fn cases() -> Cases {
    let leads =
        |id, sentence, attack: &str| on_socket(id, sentence, attack, "unix-stream {w}/sockets/stream");
    let alike = |id, sentence, way: &str| {
        let line = |folder| format!("{way} {folder}/sockets stream");
        on_socket(id, sentence, &line("{pd}"), &line("{w}"))
    };
    let named = |id, sentence, prepare: Prepare| {
        let allowed = "unix-stream {w}/sockets/stream";
        on_socket_at(TWO_PLACES, id, sentence, "unix-stream {w}/second", allowed).prepared(prepare)
    };
    [
        leads("I04", "a_symbolic_link_leads_no_further", "unix-stream {w}/to-socket"),
        on_socket(
            "I04b",
            "a_name_from_within_the_folder_leads_no_further",
            "in-folder {pd}/sockets unix-stream stream",
            "in-folder {w}/sockets unix-stream stream",
        ),
        leads(
            "I04c",
            "the_root_of_a_process_leads_no_further",
            "unix-stream /proc/self/root{pd}/sockets/stream",
        ),
        alike("I04d", "a_descriptor_of_the_folder_leads_no_further", "!ipc.other_name.through_folder"),
        alike("I04e", "a_descriptor_of_the_socket_leads_no_further", "!ipc.other_name.through_itself"),
        named("I04f", "a_second_name_made_before_leads_no_further", |spot| {
            std::fs::hard_link(spot.pd("sockets/stream"), spot.w("second"))?;
            Ok(Box::new(()))
        }),
        named("I04g", "a_moved_link_to_the_folder_leads_no_further", |spot| -> Result<Undo> {
            std::os::unix::fs::symlink(spot.pd("sockets/../sockets/stream"), spot.w("second"))?;
            Ok(Box::new(()))
        }),
    ]
    .into()
}
