//! A verdict that was kept for one name or one purpose must not serve another.

use std::fs::{self, File};
use std::os::fd::AsRawFd;

use anyhow::Result;
use guard_common::Operation;

use super::{Cases, Spot, Trick, on_pd};
use crate::act::{CHANGED, perform, way};
use crate::harness::case::Undo;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("after-reading", |a, out| {
            for _ in 0..3 {
                fs::read(a.path(0)?)?;
            }
            perform(a.rest(1), out)
        }),
        // A file that is open outlives its name, and its folder: it is asked for once more by its descriptor.
        way("write-removed", |a, _| {
            let file = File::create(a.path(1)?)?;
            fs::remove_file(a.path(1)?)?;
            fs::remove_dir(a.path(0)?)?;
            fs::write(format!("/proc/self/fd/{}", file.as_raw_fd()), CHANGED)
        }),
    ],
    python: None,
    cases,
};

fn cases() -> Cases {
    let open = |id, sentence, attack, allowed| on_pd(id, sentence, Operation::Open, attack, allowed);
    [
        open(
            "F52",
            "a_verdict_for_one_name_does_not_open_the_other",
            "after-reading {w}/second write {pd}/p",
            "after-reading {w}/f write {w}/f",
        )
        .prepared(second_name_of_p),
        open(
            "F52b",
            "a_verdict_for_reading_does_not_serve_for_writing",
            "after-reading {pd}/p write {pd}/p",
            "after-reading {w}/f write {w}/f",
        ),
    ]
    .into()
}

fn second_name_of_p(spot: Spot) -> Result<Undo> {
    fs::hard_link(spot.p(), spot.w("second"))?;
    Ok(Box::new(()))
}
