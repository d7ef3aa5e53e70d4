//! A file's flags and what else `ioctl` changes: on descriptors opened for reading only, from programs of 32 bits.

use guard_common::Operation;

use super::{Cases, Spot, Trick, Who, on_pd_at};
use crate::harness::fixture::COMPAT;

const PLACES: [(Spot, Who); 2] = [(Spot::Ext4, Who::User), (Spot::Ext4, Who::Root)];

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("flags.py")), cases };

fn cases() -> Cases {
    let at = |places: &[(Spot, Who)], id, sentence, way: &str| {
        let (attack, allowed) = (format!("{way} {{pd}}/p"), format!("{way} {{w}}/f"));
        on_pd_at(places.to_vec(), id, sentence, Operation::Ioctl, &attack, &allowed)
    };
    let root = [(Spot::Ext4, Who::Root)];
    let tmpfs = [(Spot::Tmpfs, Who::User)];
    [
        at(&PLACES, "F27", "flags_cannot_be_set", "!file.flags.set"),
        at(&PLACES, "F27b", "flags_cannot_be_set_by_the_newer_request", "!file.flags.set_by_structure"),
        at(&root, "F27c", "a_file_cannot_be_sealed_by_verity", "!file.flags.verity"),
        at(&tmpfs, "F27d", "flags_on_tmpfs_cannot_be_set", "!file.flags.set"),
        at(&PLACES, "F28", "a_program_of_32_bits_sets_no_flags", &format!("exec {COMPAT} flags")),
    ]
    .into()
}
