//! Addresses whose family field is not their socket's.

use guard_common::Reason;

use super::{Cases, MAKE, SEND, Trick, Who, alike, on_d_as};
use crate::harness::server::{A4, D4, D6};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("unspecified_family.py")), cases };

fn cases() -> Cases {
    let v4_on_v6 = "!net.unspecified_family.v4_on_v6";
    [
        alike("N08b", "an_unspecified_family_is_judged_as_v4", SEND, "!net.unspecified_family.v4", D4, A4),
        alike("N08c", "a_v4_address_on_a_v6_socket_is_judged", SEND, v4_on_v6, D4, A4),
        on_d_as(
            &[Who::Root],
            "N08d",
            "a_raw_datagram_to_no_family_does_not_leave",
            MAKE,
            &format!("!net.unspecified_family.raw {D6}"),
            &format!("udp {A4}"),
        )
        .reason(Reason::UnknownFamily),
    ]
    .into()
}
