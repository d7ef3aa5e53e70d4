//! Permission bits and owners.

use guard_common::Operation;

use super::on_pd;
use crate::harness::{Test, fixture::USER};

pub(super) fn all() -> Vec<Test> {
    let mode = |sentence, trick: &str| {
        on_pd(sentence, Operation::Chmod, &format!("{trick} {{pd}}/p"), &format!("{trick} {{w}}/f"))
    };
    // The file's group is one that the user is not in, and goes to the user's own.
    let owner = |sentence, trick: &str| {
        on_pd(
            sentence,
            Operation::Chown,
            &format!("{trick} {{pd}}/p {USER}"),
            &format!("{trick} {{w}}/f {USER}"),
        )
    };
    [
        mode("a_mode_cannot_be_changed", "chmod"),
        mode("a_mode_cannot_be_changed_through_a_reading_descriptor", "fchmod"),
        mode("a_mode_cannot_be_changed_relative_to_a_folder", "fchmodat"),
        owner("an_owner_cannot_be_changed", "chown"),
        owner("an_owner_cannot_be_changed_without_following", "lchown"),
        owner("an_owner_cannot_be_changed_through_a_reading_descriptor", "fchown"),
        on_pd("a_folders_mode_cannot_be_changed", Operation::Chmod, "chmod {pd}/d", "chmod {w}/d"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
