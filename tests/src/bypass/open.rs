//! Opening for writing in every way there is, and reading what is secret.

use guard_common::{Operation, Surface};

use super::{PLACES, filled, on_pd, on_pd_at};
use crate::harness::fixture::SECRET;
use crate::harness::{Case, Effect, Refusal, Spot, Step, Test, Who};

pub(super) fn all() -> Vec<Test> {
    let open = |sentence, trick: &str| {
        on_pd(sentence, Operation::Open, &format!("{trick} {{pd}}/p"), &format!("{trick} {{w}}/f"))
    };
    let create = |sentence, trick: &str| {
        on_pd(sentence, Operation::Mknod, &format!("{trick} {{pd}}/new"), &format!("{trick} {{w}}/new"))
    };
    [
        open("a_file_cannot_be_opened_for_writing", "write"),
        open("a_file_cannot_be_opened_for_reading_and_writing", "read-write"),
        open("a_file_cannot_be_appended_to", "append"),
        open("a_file_cannot_be_opened_truncating", "write-truncating"),
        open("a_read_only_open_cannot_truncate", "read-truncating"),
        open("openat2_cannot_open_for_writing", "openat2"),
        open("a_handle_without_rights_cannot_be_reopened_for_writing", "reopen"),
        open("an_existing_file_cannot_be_created_over", "create"),
        create("a_new_file_cannot_be_created", "create"),
        create("a_new_file_cannot_be_created_exclusively", "create-new"),
        create("a_read_only_open_cannot_create", "read-creating"),
        nameless(),
        secrets(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Overlays have no nameless files on every kernel: tmpfs and ext4 stand for all.
fn nameless() -> Vec<Test> {
    let places = [(Spot::Tmpfs, Who::User), (Spot::Ext4, Who::Root)];
    let one = |(spot, who)| {
        on_pd_at(
            spot,
            who,
            "a_nameless_file_cannot_be_made_and_named",
            Operation::Open,
            "tmpfile {pd} {pd}/new",
            "tmpfile {w} {w}/new",
        )
    };
    places.into_iter().map(one).collect()
}

fn secrets() -> Vec<Test> {
    let one = |(spot, who): (Spot, Who)| {
        let case = Case {
            who,
            attack: Step { act: filled(spot, "read {top}/s"), effect: Effect::Told(SECRET) },
            refusal: Refusal::no_edge(Surface::Read, Operation::Open),
            allowed: Step { act: filled(spot, "read {pd}/p"), effect: Effect::Told("the protected content") },
        };
        Test::attack(format!("a_secret_cannot_be_read@{}/{}", spot.name(), who.name()), case)
    };
    PLACES.into_iter().map(one).collect()
}
