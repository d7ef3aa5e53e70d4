//! Programs by where they come from: a package, a digest, and what the agent itself may have written.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use guard_common::Reason;

use super::apply::{under, with};
use crate::act::serve::Outcome;
use crate::harness::fixture::{MARKS, PROGRAM, RULED, give};
use crate::harness::guard::POLICY_TEXT;
use crate::harness::kernel;
use crate::harness::trial;
use crate::harness::world::Side;
use crate::harness::{Spot, Test, Who, World, act, check};

/// A program with libraries, and a byte behind its end that no other has.
const KNOWN: &str = "/usr/local/bin/guardtest-known";
/// The C library's loader, which starts what it is given.
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_digest_forbids_a_program_wherever_it_lies", forbidden_digest),
        check("a_digest_allows_a_program_and_no_changed_one", allowed_digest),
        check("a_package_is_a_zone", package),
        check("what_may_be_written_is_not_executed", write_xor_execute),
        check("a_process_that_may_write_proc_does_not_write_its_code", memory_by_file),
        check("arguments_that_are_judged_are_not_changed_by_a_tracer", traced),
    ]
}

fn copy(to: &str, tail: &[u8]) -> Result<()> {
    fs::write(to, [fs::read("/usr/bin/touch")?.as_slice(), tail].concat())?;
    give(Path::new(to), 0o755)
}

fn sha256(path: &str) -> Result<String> {
    let said = std::process::Command::new("sha256sum").arg(path).output()?.stdout;
    let line = String::from_utf8(said)?;
    line.split_whitespace().next().map(str::to_owned).context("sha256sum says nothing")
}

fn edge(zone: &str, surfaces: &str) -> String {
    format!("[[edges]]\nprofile = \"suite\"\nzone = \"{zone}\"\nallow = [{surfaces}]\n")
}

fn digests(path: &str) -> Result<String> {
    Ok(format!("[zones.known]\ndigests = [\"sha256:{}\"]\n", sha256(path)?))
}

/// Tries a program that leaves a mark, and says whether it did.
fn marks(world: &mut World, start: &str) -> Result<(bool, Outcome)> {
    let mark = format!("{MARKS}/known");
    let _ = fs::remove_file(&mark);
    let outcome = world.inside(&format!("exec {start} {mark}"))?;
    Ok((fs::exists(&mark)?, outcome))
}

fn must_mark(world: &mut World, start: &str) -> Result<()> {
    let (marked, outcome) = marks(world, start)?;
    if marked {
        return Ok(());
    }
    let said = crate::harness::ledger::refusals(&world.records()?);
    anyhow::bail!("`{start}` should have run and ended with {outcome:?}; the ledger says {said:?}")
}

fn must_not_mark(world: &mut World, start: &str, reason: Reason, zone: &str) -> Result<()> {
    let (marked, outcome) = marks(world, start)?;
    ensure!(!marked, "`{start}` should not have run and ended with {outcome:?}");
    let record = world.refusal_of(&outcome, reason)?;
    ensure!(record.zone == zone, "the zone should be `{zone}` in {record:?}");
    Ok(())
}

fn forbidden_digest(world: &mut World) -> Result<()> {
    let (second, changed) = (format!("{KNOWN}-second"), format!("{KNOWN}-changed"));
    copy(KNOWN, b"known")?;
    copy(&second, b"known")?;
    copy(&changed, b"knowm")?;
    let loaded = format!("{LOADER} {KNOWN}");
    must_mark(world, KNOWN)?;
    must_mark(world, &loaded)?;
    under(&with(&digests(KNOWN)?), || {
        must_not_mark(world, KNOWN, Reason::NoEdge, "known")?;
        must_not_mark(world, &second, Reason::NoEdge, "known")?;
        must_not_mark(world, &loaded, Reason::NoEdge, "known")?;
        must_mark(world, &changed)
    })?;
    must_mark(world, KNOWN)
}

fn allowed_digest(world: &mut World) -> Result<()> {
    let program = Spot::Tmpfs.w("known");
    copy(&program, b"known")?;
    must_not_mark(world, &program, Reason::NoEdge, "open")?;
    under(&with(&(digests(&program)? + &edge("known", "\"exec\""))), || {
        must_mark(world, &program)?;
        // What is only mapped may change afterwards.
        must_not_mark(world, &format!("{LOADER} {program}"), Reason::NoEdge, "open")?;
        copy(&program, b"knowm")?;
        must_not_mark(world, &program, Reason::NoEdge, "open")
    })
}

/// As in a container, whose `/proc` lies in a folder of the image's.
fn memory_by_file(world: &mut World) -> Result<()> {
    let processes = "[zones.processes]\npaths = [\"/proc\"]\n";
    let mark = format!("{MARKS}/by-file");
    let attack = act(&format!("!exec.memory_code.through_proc {mark}"));
    under(&with(&format!("{processes}{}", edge("processes", "\"read\", \"write\""))), || {
        if kernel::version()? < (7, 2) {
            world.perform(Side::Outside, Who::User, &attack)?;
            ensure!(fs::exists(&mark)?, "control: code is not written by that file");
            fs::remove_file(&mark)?;
        }
        let outcome = world.perform(Side::Inside, Who::User, &attack)?;
        ensure!(outcome.code == nix::libc::EACCES && !fs::exists(&mark)?, "{outcome:?}");
        world.refusal_of(&outcome, Reason::NoEdge)?;
        world.must_allow("write /proc/self/comm").map(drop)
    })
}

/// By an agent that may trace its own: with an edge to the zone `memory`.
fn traced(world: &mut World) -> Result<()> {
    under(&with(&edge("memory", "\"exec\"")), || {
        for way in ["traced_from_its_start", "traced_later"] {
            let mark = format!("{MARKS}/traced");
            let mut trace = |side: Side, program: &str| -> Result<(bool, Outcome)> {
                let _ = fs::remove_file(&mark);
                let line = format!("!exec.arguments.{way} {program} {mark}");
                let outcome = world.perform(side, Who::User, &act(&line))?;
                Ok((fs::exists(&mark)?, outcome))
            };
            let (marked, outcome) = trace(Side::Outside, RULED)?;
            ensure!(marked, "control: {way} outside any agent ended with {outcome:?}");
            let (marked, outcome) = trace(Side::Inside, PROGRAM)?;
            ensure!(marked, "over-blocked: {way} of a program without rules ended with {outcome:?}");
            let (marked, outcome) = trace(Side::Inside, RULED)?;
            ensure!(!marked, "{way} changed the arguments that were judged: {outcome:?}");
            let doer = Outcome { tid: trial::doer(&outcome)?, ..outcome };
            world.refusal_of(&doer, Reason::Traced).context(way)?;
        }
        Ok(())
    })
}

fn package(world: &mut World) -> Result<()> {
    let (packaged, other) = ("/usr/bin/xz --version", "/usr/bin/true");
    let ends = |world: &mut World, line: &str| world.inside(&format!("exec {line}"));
    ensure!(ends(world, packaged)?.code == 0, "xz should run");
    under(&with("[zones.archivers]\npackages = [\"xz-utils\", \"no-such-package\"]\n"), || {
        let refused = ends(world, packaged)?;
        ensure!(refused.code == nix::libc::EACCES, "xz should be refused and ended with {refused:?}");
        let record = world.refusal_of(&refused, Reason::NoEdge)?;
        ensure!(record.zone == "archivers", "the zone should be `archivers` in {record:?}");
        // An upgrade puts another file in its place.
        replaced("/usr/bin/xz")?;
        let refused = ends(world, packaged)?;
        ensure!(refused.code == nix::libc::EACCES, "its successor should be refused: {refused:?}");
        ensure!(ends(world, other)?.code == 0, "true is of another package");
        let status = crate::harness::guard::json(&["status"])?.to_string();
        ensure!(
            status.contains("package no-such-package is not installed"),
            "status does not say so: {status}"
        );
        Ok(())
    })
}

fn replaced(path: &str) -> Result<()> {
    let next = format!("{path}.dpkg-new");
    fs::copy(path, &next)?;
    fs::set_permissions(&next, fs::Permissions::from_mode(0o755))?;
    Ok(fs::rename(next, path)?)
}

fn write_xor_execute(world: &mut World) -> Result<()> {
    let program = Spot::Tmpfs.w("busybox");
    fs::copy(PROGRAM, &program)?;
    give(Path::new(&program), 0o755)?;
    let start = format!("{program} touch");
    let (open, own) = (with(&edge("open", "\"exec\"")), "write_xor_execute = [\"suite\"]\n");
    under(&open, || must_mark(world, &start))?;
    under(&format!("{own}{open}"), || must_not_mark(world, &start, Reason::EdgeDenies, "open"))?;
    ensure!(!POLICY_TEXT.contains("write_xor_execute"), "the suites' policy has the line already");
    Ok(())
}
