//! An overlay of the agent's own, one of whose layers is where it may not write, or may not read.

use std::io::{self, Write};

use guard_common::{Operation, Reason, Surface};
use nix::mount::{MsFlags, mount};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, in_namespaces};
use crate::act::process::leave_mounts;
use crate::act::{Args, perform, way_alone};
use crate::harness::fixture::{OPEN_TOLD, SECRET};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way_alone("through-overlay", through_overlay),
        way_alone("through-overlay-of", through_overlay_of),
    ],
    python: None,
    cases,
};

/// `through-overlay UPPER FOLDER WAY…`: an overlay whose upper layer is UPPER, seen by nobody else, at FOLDER/m;
/// FOLDER has to be on UPPER's file system.
fn through_overlay(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    overlaid(&format!("{}/l", args.text(1)?), args.text(0)?, args.text(1)?)?;
    perform(args.rest(2), out)
}

/// `through-overlay-of LOWER FOLDER WAY…`: an overlay whose lower layer is LOWER, with everything else below FOLDER.
fn through_overlay_of(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    overlaid(args.text(0)?, &format!("{}/l", args.text(1)?), args.text(1)?)?;
    perform(args.rest(2), out)
}

fn overlaid(lower: &str, upper: &str, folder: &str) -> io::Result<()> {
    let [layer, work, point] = ["l", "k", "m"].map(|name| format!("{folder}/{name}"));
    for new in [&layer, &work, &point] {
        std::fs::create_dir(new)?;
    }
    leave_mounts()?;
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    Ok(mount(Some("overlay"), point.as_str(), Some("overlay"), MsFlags::empty(), Some(options.as_str()))?)
}

fn cases() -> Cases {
    // A user would need a map of its users first.
    let places = [(Spot::Ext4, Who::Root), (Spot::Tmpfs, Who::Root)];
    let one = |id, sentence, surface, attack: (&str, &Effect), allowed: (&str, &Effect)| {
        let refusal = Refusal::no_edge(surface, Operation::Open);
        in_namespaces(at(places, id, sentence, refusal, attack, allowed)).reason(Reason::UnresolvedObject)
    };
    // Nothing on the overlay is known to the policy, whichever layer it is of; what is beside it stays what it was.
    [
        one(
            "F38",
            "an_overlay_of_ones_own_opens_nothing_new",
            Surface::Write,
            ("through-overlay {pd} {w}/d write {w}/d/m/p", &Effect::changed("{pd}/p")),
            ("through-overlay {pd} {w}/d write {w}/f", &Effect::changed("{w}/f")),
        ),
        one(
            "F38b",
            "an_overlay_of_ones_own_shows_no_secret",
            Surface::Read,
            ("through-overlay-of {top} {w}/d read {w}/d/m/s", &Effect::Told(SECRET)),
            ("through-overlay-of {top} {w}/d read {w}/f", &Effect::Told(OPEN_TOLD)),
        ),
    ]
    .into()
}
