//! Marks and links of a socket's own choice: what proxies and routing rules go by.

use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{CONNECT, Cases, Refusal, Trick, Who, on_d, on_d_as};
use crate::harness::server::{A4, D4, LINK};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("marked.py")), cases };

fn cases() -> Cases {
    let mark = |to: &str| format!("!net.marked.connect {to}");
    [
        on_d_as(
            &[Who::Root],
            "N31",
            "a_marked_socket_does_not_connect",
            Refusal::no_edge(Surface::Admin, Operation::Capability),
            &mark(D4),
            &format!("tcp {A4}"),
        )
        .asked_again()
        .ends_with(EPERM),
        on_d(
            "N31b",
            "a_socket_of_a_chosen_link_does_not_connect",
            CONNECT,
            &format!("!net.marked.bound_to_link {LINK} {D4}"),
            &format!("!net.marked.bound_to_link lo {A4}"),
        ),
    ]
    .into()
}
