//! A socket that another process has connected, and hands over; or that is taken from it.

use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{Cases, Refusal, Trick, Who, on_d};
use crate::bypass::beside;
use crate::harness::Profile;
use crate::harness::bystander::stands_by;
use crate::harness::server::A4;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("handed.py")), cases };

const USE: &str = "!net.handed.use {w}/giver";

fn cases() -> Cases {
    let (received, traced) = (
        Refusal::no_edge(Surface::Connect, Operation::Receive),
        Refusal::no_edge(Surface::Ipc, Operation::Trace),
    );
    [
        on_d("N25", "a_connected_socket_is_not_received", received, USE, USE)
            .prepared(|spot| gives(&format!("connected 10.99.0.2:7000 {}", spot.w("giver"))))
            .each(|case| {
                case.allowed.prepare = Some(|spot| gives(&format!("connected {A4} {}", spot.w("giver"))))
            }),
        beside(
            on_d(
                "N25b",
                "a_connected_socket_is_not_fetched",
                traced,
                "!net.handed.fetch_of_bystander",
                &format!("!net.handed.fetch_of_child {A4}"),
            )
            // As in `file::taken`.
            .allowed_as(Profile::Compiler),
            |spot| gives(&format!("connected 10.99.0.2:7000 {}", spot.w("giver"))),
            |spot| {
                let line = format!("net.handed.giver connected 10.99.0.2:7000 {}", spot.w("giver"));
                stands_by(Who::Root, &line)
            },
        )
        .ends_with(EPERM),
    ]
    .into()
}

/// Somebody outside who has such a socket, and gives it to whoever asks.
pub(in crate::bypass) fn gives(words: &str) -> anyhow::Result<crate::harness::case::Undo> {
    stands_by(Who::User, &format!("net.handed.giver {words}"))
}
