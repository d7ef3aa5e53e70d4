//! An overlay of the agent's own, whose layers are where it may not write.

use std::io::{self, Write};

use guard_common::{Operation, Reason};
use nix::mount::{MsFlags, mount};

use super::{Spot, Trick, Who, on_pd_at};
use crate::act::process::leave_mounts;
use crate::act::{Args, perform, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("through-overlay", through_overlay)],
    python: None,
    cases: || {
        // Nobody's zone covers what an agent mounts for itself alone: it would choose where things stand.
        // A user would need a map of its users first, which an agent cannot write.
        on_pd_at(
            [(Spot::Ext4, Who::Root), (Spot::Tmpfs, Who::Root)],
            "F38",
            "an_overlay_of_ones_own_opens_nothing_new",
            Operation::Open,
            "through-overlay {pd} {w}/d write {w}/d/m/p",
            "write {w}/f",
        )
        .reason(Reason::UnresolvedObject)
    },
};

/// `through-overlay UPPER FOLDER WAY…`: an overlay whose upper layer is UPPER, seen by nobody else, at FOLDER/m;
/// FOLDER has to be on UPPER's file system.
fn through_overlay(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let folder = args.text(1)?;
    let [lower, work, point] = ["l", "k", "m"].map(|name| format!("{folder}/{name}"));
    for new in [&lower, &work, &point] {
        std::fs::create_dir(new)?;
    }
    leave_mounts()?;
    let options = format!("lowerdir={lower},upperdir={},workdir={work}", args.text(0)?);
    mount(Some("overlay"), point.as_str(), Some("overlay"), MsFlags::empty(), Some(options.as_str()))?;
    perform(args.rest(2), out)
}
