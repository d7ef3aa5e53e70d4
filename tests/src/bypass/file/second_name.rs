//! Hard links: made by the agent, or there before it came.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Result;
use guard_common::{Operation, Surface};
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::unistd::linkat;

use super::{Cases, Effect, PLACES, Refusal, Spot, TWO_PLACES, Trick, at, on_pd};
use crate::act::{CHANGED, way};
use crate::harness::case::Undo;
use crate::harness::fixture::SECRET;

const LINK: Refusal = Refusal::no_edge(Surface::Write, Operation::Link);
const READ: Refusal = Refusal::no_edge(Surface::Read, Operation::Open);

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("link", |a, _| fs::hard_link(a.path(0)?, a.path(1)?)),
        way("link-and-write", |a, _| {
            fs::hard_link(a.path(0)?, a.path(1)?)?;
            fs::write(a.path(1)?, CHANGED)
        }),
        way("link-descriptor-and-write", |a, _| {
            let handle =
                fs::File::options().read(true).custom_flags(OFlag::O_PATH.bits()).open(a.path(0)?)?;
            let source = format!("/proc/self/fd/{}", handle.as_raw_fd());
            linkat(AT_FDCWD, source.as_str(), AT_FDCWD, a.path(1)?, AtFlags::AT_SYMLINK_FOLLOW)?;
            fs::write(a.path(1)?, CHANGED)
        }),
    ],
    python: None,
    cases,
};

fn cases() -> Cases {
    let link = |id, sentence, attack, allowed| on_pd(id, sentence, Operation::Link, attack, allowed);
    let in_w = &Effect::changed("{w}");
    [
        link(
            "F17",
            "a_file_cannot_be_written_by_a_new_second_name",
            "link-and-write {pd}/p {w}/new",
            "link-and-write {w}/f {w}/new",
        ),
        link(
            "F17e",
            "a_descriptor_gets_no_second_name",
            "link-descriptor-and-write {pd}/p {w}/new",
            "link-descriptor-and-write {w}/f {w}/new",
        ),
        link("F17b", "no_second_name_can_be_put_in", "link {w}/f {pd}/new", "link {w}/f {w}/new"),
        at(
            PLACES,
            "F17c",
            "a_secret_gets_no_second_name",
            LINK,
            ("link {s} {w}/new", in_w),
            ("link {w}/f {w}/new", in_w),
        ),
        // On a layered overlay nothing but the name says which file it is: `kernel::zone` has what holds there.
        at(
            TWO_PLACES,
            "F17d",
            "a_marked_file_is_known_by_any_name",
            READ,
            ("read {w}/second", &Effect::Told(SECRET)),
            ("read {w}/f", &Effect::Done),
        )
        .prepared(second_name_of_secret),
    ]
    .into()
}

fn second_name_of_secret(spot: Spot) -> Result<Undo> {
    fs::hard_link(spot.s(), spot.w("second"))?;
    Ok(Box::new(()))
}
