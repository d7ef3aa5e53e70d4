//! Nothing that was refused is missing from the ledger, however much happens around it; what is lost is known.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guard_common::Reason;
use nix::libc::EACCES;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::fixture::folder;
use crate::harness::guard::Control;
use crate::harness::shell::until;
use crate::harness::{Spot, Test, World, check, guard, ledger};

/// Processes that flood at once, and renames of each, around one refusal.
const FLOODS: u32 = 4;
const RENAMES: u32 = 2_500;
/// Renames of each that nobody hears of meanwhile: together more than the ring for what is allowed has room for, with
/// names that take the largest of events.
const UNHEARD: u32 = 600;
/// By when what is missing is known.
const GAP_LIMIT: Duration = Duration::from_secs(20);

pub(super) fn all() -> Vec<Test> {
    vec![
        check("refusals_in_a_flood_of_allowed_actions_are_recorded", heard),
        check("a_flood_past_a_stopped_daemon_loses_no_refusal_and_a_gap_says_what_else_is_missing", unheard),
        check("a_thousand_refusals_are_all_recorded_or_a_gap_says_how_many_are_not", refusals),
        check("every_number_of_a_sequence_is_an_entry_or_lies_in_a_gap", sequence),
    ]
}

fn floods(renames: u32, folder: &str) -> String {
    format!("floods {FLOODS} {renames} {folder}/flood {}", Spot::Tmpfs.p())
}

fn heard(world: &mut World) -> Result<()> {
    world.records()?;
    let told = world.must_allow(&floods(RENAMES, &Spot::Tmpfs.at("w")))?.out;
    each_refused_once(&told, &world.records()?)
}

fn unheard(world: &mut World) -> Result<()> {
    let long = Spot::Tmpfs.w(&["long"; 6].map(|name| name.repeat(50)).join("/"));
    folder(&long)?;
    world.must_allow("nothing")?;
    Control::connect()?.settle()?;
    let first = world.records()?.last().context("no record")?.index + 1;
    world.daemon()?.signal(Signal::SIGSTOP)?;
    let flooded = world.inside_only(&floods(UNHEARD, &long));
    world.daemon()?.signal(Signal::SIGCONT)?;
    // Each processor's next event tells what is missing before it.
    world.must_allow(&floods(UNHEARD / 10, &long))?;
    Control::connect()?.settle()?;
    each_refused_once(&flooded?.out, &world.records()?)?;
    let renames = u64::from(FLOODS * (UNHEARD + UNHEARD / 10));
    let (kept, missing) = accounted(first, "allow", renames, |entries| {
        entries.iter().filter(|entry| is_rename(&entry.record)).count()
    })?;
    ensure!(missing > 0, "control: the ring had room for all {kept}");
    guard::ok(&["audit", "verify"]).map(drop)
}

fn is_rename(record: &Value) -> bool {
    record["ring"] == "allow" && record["operation"] == "rename"
}

/// Each process was refused what it tried in the middle, and one record says so.
fn each_refused_once(told: &str, entries: &[ledger::Entry]) -> Result<()> {
    let refusals = ledger::refusals(entries);
    ensure!(told.lines().count() == FLOODS as usize, "the floods said {told:?}");
    for line in told.lines() {
        let (pid, code) = line.split_once(' ').context("no flood")?;
        ensure!(code.parse() == Ok(EACCES), "a flood's middle ended with {code}");
        let pid: u32 = pid.parse()?;
        let own: Vec<_> = refusals.iter().filter(|refused| refused.pid == pid).collect();
        ensure!(
            own.len() == 1 && own[0].reason == Reason::NoEdge.name(),
            "of one refusal of {pid} the ledger says {own:?}"
        );
    }
    Ok(())
}

fn refusals(world: &mut World) -> Result<()> {
    let first = world.records()?.last().context("no record")?.index + 1;
    let outcome = world.must_allow(&format!("tries 1000 write {}", Spot::Tmpfs.p()))?;
    world.records()?;
    accounted(first, "deny", 1000, |entries| {
        ledger::refusals(entries).iter().filter(|refused| refused.tid == outcome.tid).count()
    })
    .map(drop)
}

/// How many of what happened since an entry are records, and how many are known to be lost: all that are wanted. A
/// number may come late, so a gap is told a second after it was missed.
fn accounted(
    first: u64,
    ring: &str,
    wanted: u64,
    count: impl Fn(&[ledger::Entry]) -> usize,
) -> Result<(u64, u64)> {
    let (mut kept, mut missing) = (0, 0);
    until("each is a record or lies in a gap", GAP_LIMIT, || {
        let entries = ledger::entries(first)?;
        kept = count(&entries) as u64;
        missing = gaps(&entries).iter().filter(|gap| gap.ring == ring).map(|gap| gap.to - gap.from + 1).sum();
        Ok(kept + missing >= wanted)
    })
    .with_context(|| format!("{kept} records and {missing} known to be lost, of {wanted}"))?;
    Ok((kept, missing))
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
