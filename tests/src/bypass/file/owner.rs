//! Owners. The file's group is one that the user is not in, and goes to the user's own.

use std::fs::File;
use std::io;

use guard_common::Operation;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::{Gid, Uid, chown, fchown, fchownat};

use super::{Cases, Trick, on_pd};
use crate::act::{Args, way};
use crate::harness::fixture::USER;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("chown", |a, _| Ok(chown(a.path(0)?, None, Some(group(a)?))?)),
        way("lchown", |a, _| {
            Ok(fchownat(AT_FDCWD, a.path(0)?, None, Some(group(a)?), AtFlags::AT_SYMLINK_NOFOLLOW)?)
        }),
        way("fchown", |a, _| Ok(fchown(File::open(a.path(0)?)?, None::<Uid>, Some(group(a)?))?)),
    ],
    python: None,
    cases,
};

fn group(args: &Args) -> io::Result<Gid> {
    args.parsed(1).map(Gid::from_raw)
}

fn cases() -> Cases {
    let owner = |id, sentence, way: &str| {
        let line = |path| format!("{way} {path} {USER}");
        on_pd(id, sentence, Operation::Chown, &line("{pd}/p"), &line("{w}/f"))
    };
    [
        owner("F24", "an_owner_cannot_be_changed", "chown"),
        owner("F24b", "an_owner_cannot_be_changed_without_following", "lchown"),
        owner("F24c", "an_owner_cannot_be_changed_through_a_reading_descriptor", "fchown"),
    ]
    .into()
}
