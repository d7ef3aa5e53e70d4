//! Second names: made by the agent, or there before it came.

use std::fs;
use std::os::unix::fs::MetadataExt;

use anyhow::{Result, ensure};
use guard_common::{Operation, Surface};

use super::{PLACES, filled, on_pd};
use crate::harness::fixture::{SECRET, WHOLE};
use crate::harness::{Case, Effect, Refusal, Spot, Step, Test, World, check, guard};

pub(super) fn all() -> Vec<Test> {
    let link = |sentence, attack, allowed| on_pd(sentence, Operation::Link, attack, allowed);
    let mut tests: Vec<Test> = [
        link(
            "a_file_cannot_be_written_by_a_new_second_name",
            "link-and-write {pd}/p {w}/new",
            "link-and-write {w}/f {w}/new",
        ),
        link("no_second_name_can_be_put_in", "link {w}/f {pd}/new", "link {w}/f {w}/new"),
        PLACES.into_iter().map(secret_by_second_name).collect(),
    ]
    .into_iter()
    .flatten()
    .collect();
    tests.push(check("a_verdict_for_one_name_does_not_open_the_other", one_name_then_the_other));
    tests.push(check("a_marked_file_is_known_by_any_name", marked_file_by_another_name));
    tests
}

fn secret_by_second_name((spot, who): (Spot, crate::harness::Who)) -> Test {
    let case = Case {
        who,
        attack: Step { act: filled(spot, "link {top}/s {w}/new"), effect: Effect::Changed(spot.at("w")) },
        refusal: Refusal::no_edge(Surface::Write, Operation::Link),
        allowed: Step { act: filled(spot, "link {w}/f {w}/new"), effect: Effect::Changed(spot.at("w")) },
    };
    Test::attack(format!("a_secret_gets_no_second_name@{}/{}", spot.name(), who.name()), case)
}

/// The inode's cached zone must not travel from the allowed name to the other one.
fn one_name_then_the_other(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        let second = spot.w("second");
        fs::hard_link(spot.p(), &second)?;
        for round in 0..3 {
            ensure!(world.inside(&format!("read {second}"))?.code == 0, "the name in W could not be read");
            let outcome = world.inside(&format!("write {}", spot.p()))?;
            ensure!(outcome.code == nix::libc::EACCES, "round {round} on {spot:?}: {outcome:?}");
        }
        ensure!(fs::read(spot.p())? == WHOLE, "P was changed on {spot:?}");
    }
    Ok(())
}

fn marked_file_by_another_name(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        let second = spot.w("second");
        fs::hard_link(spot.s(), &second)?;
        let outcome = world.inside(&format!("read {second}"))?;
        let told = outcome.out.contains(SECRET);
        // An overlay whose layers number their files apart: nothing but the name says which file it is.
        let layered = fs::metadata(spot.s())?.dev() != fs::metadata(spot.at(""))?.dev();
        ensure!(!told || layered, "the secret was told by its second name on {spot:?}");
        let notes = guard::json(&["status"])?["policy"]["notes"].to_string();
        ensure!(!layered || notes.contains("other hard links"), "status is silent about {spot:?}: {notes}");
    }
    Ok(())
}
