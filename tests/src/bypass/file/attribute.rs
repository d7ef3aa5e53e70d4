//! Extended attributes and access lists: by name and by descriptor opened for reading only.

use anyhow::Result;
use guard_common::Operation;
use rustix::fs::{XattrFlags, setxattr};

use super::{Cases, Spot, Trick, Who, on_pd_at};
use crate::harness::case::Undo;

/// tmpfs has users' attributes since 6.6 only, and an overlay has what its upper layer has.
const PLACES: [(Spot, Who); 2] = [(Spot::Ext4, Who::User), (Spot::Ext4, Who::Root)];

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("attribute.py")), cases };

fn cases() -> Cases {
    let at = |places: &[(Spot, Who)], id, sentence, function: &str| {
        let line = |path| format!("!file.attribute.{function} {path}");
        on_pd_at(places.to_vec(), id, sentence, Operation::Attribute, &line("{pd}/p"), &line("{w}/f"))
    };
    let on_ext4 = |id, sentence, function| at(&PLACES, id, sentence, function);
    [
        on_ext4("F26", "an_attribute_cannot_be_set", "by_name"),
        on_ext4("F26b", "an_attribute_cannot_be_set_through_a_reading_descriptor", "by_descriptor"),
        on_ext4("F26c", "an_access_list_cannot_be_set", "access_list"),
        on_ext4("F26d", "a_ring_sets_no_attribute", "by_ring"),
        on_pd_at(
            PLACES.to_vec(),
            "F26i",
            "a_worker_of_a_ring_that_is_older_than_its_credentials_sets_no_attribute",
            Operation::Attribute,
            "!file.attribute.by_worker {w}/f {pd}/p",
            "!file.attribute.by_worker {w}/f {w}/f",
        ),
        on_ext4("F26e", "an_attribute_cannot_be_set_by_the_newer_call", "from_folder").since(
            6,
            13,
            "setxattrat",
        ),
        at(&[(Spot::Tmpfs, Who::User)], "F26f", "an_attribute_on_tmpfs_cannot_be_set", "by_name").since(
            6,
            6,
            "users' attributes on tmpfs",
        ),
        at(
            &[(Spot::Tmpfs, Who::Root), (Spot::Root, Who::User)],
            "F26g",
            "an_access_list_elsewhere_cannot_be_set",
            "access_list",
        ),
        on_ext4("F26h", "an_attribute_cannot_be_removed", "removed").both_prepared(attribute_kept),
    ]
    .into()
}

fn attribute_kept(spot: Spot) -> Result<Undo> {
    for path in [spot.p(), spot.w("f")] {
        setxattr(path, "user.kept", b"whole", XattrFlags::empty())?;
    }
    Ok(Box::new(()))
}
