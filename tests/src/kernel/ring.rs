//! Nothing that was refused is missing from the ledger, however much happens around it; what is lost is known.

use anyhow::{Result, ensure};
use guard_common::Reason;
use serde_json::Value;

use crate::harness::{Spot, Test, World, check, guard, ledger};

/// Renames around one refusal.
const FLOOD: u32 = 40_000;

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_refusal_in_a_flood_of_allowed_actions_is_recorded", flood),
        check("a_thousand_refusals_are_all_recorded_or_a_gap_says_how_many_are_not", refusals),
        check("every_number_of_a_sequence_is_an_entry_or_lies_in_a_gap", sequence),
    ]
}

fn flood(world: &mut World) -> Result<()> {
    let w = |name| Spot::Tmpfs.w(name);
    let line = format!("flood {FLOOD} {} {} {}", w("f"), w("g"), Spot::Tmpfs.p());
    let outcome = world.must_refuse(&line)?;
    world.refusal_of(&outcome, Reason::NoEdge).map(drop)
}

fn refusals(world: &mut World) -> Result<()> {
    world.records()?;
    let outcome = world.must_allow(&format!("tries 1000 write {}", Spot::Tmpfs.p()))?;
    let entries = world.records()?;
    let kept = ledger::refusals(&entries).iter().filter(|refused| refused.tid == outcome.tid).count() as u64;
    let lost: u64 =
        gaps(&entries).iter().filter(|gap| gap.ring == "deny").map(|gap| gap.to - gap.from + 1).sum();
    ensure!(kept + lost >= 1000, "{kept} records and {lost} known to be lost, of 1000 refusals");
    Ok(())
}

struct Gap {
    ring: String,
    cpu: u64,
    from: u64,
    to: u64,
}

fn gaps(entries: &[ledger::Entry]) -> Vec<Gap> {
    let number = |value: &Value| ledger::number(value).unwrap_or_default();
    ledger::of_stage(entries, "gap")
        .into_iter()
        .map(|gap| Gap {
            ring: gap["ring"].as_str().unwrap_or_default().to_owned(),
            cpu: number(&gap["cpu"]),
            from: number(&gap["from"]),
            to: number(&gap["to"]),
        })
        .collect()
}

/// Over everything that the suites did so far.
fn sequence(world: &mut World) -> Result<()> {
    world.records()?;
    let entries = ledger::entries(0)?;
    let gaps = gaps(&entries);
    for ring in ["deny", "allow"] {
        for cpu in 0..std::thread::available_parallelism()?.get() as u64 {
            let numbered = ["enforce", "enter"].map(|stage| ledger::of_stage(&entries, stage));
            let mut seen: Vec<u64> = numbered
                .into_iter()
                .flatten()
                .filter(|record| {
                    record["ring"] == ring && ledger::number(&record["position"]["cpu"]) == Some(cpu)
                })
                .filter_map(|record| ledger::number(&record["position"]["seq"]))
                .collect();
            for gap in gaps.iter().filter(|gap| gap.ring == ring && gap.cpu == cpu) {
                seen.extend(gap.from..=gap.to);
            }
            seen.sort_unstable();
            let holes = seen.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
            ensure!(holes == 0, "{holes} holes or doubles in the {ring} ring's numbers of processor {cpu}");
            ensure!(ring == "allow" || !seen.is_empty() || cpu > 0, "nothing was refused on processor {cpu}");
        }
    }
    let status = guard::json(&["status"])?;
    ensure!(
        status["lost"].is_u64() || status["lost"].is_string(),
        "status does not tell what was lost: {status}"
    );
    Ok(())
}
