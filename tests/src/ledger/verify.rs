//! Verification of a ledger that somebody changed, row by row and byte by byte.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use anyhow::{Context, Result, ensure};

use crate::harness::database::Copy;
use crate::harness::guard::{STATE, json};
use crate::harness::{Test, World, check, ledger};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_whole_ledger_verifies_beside_the_daemon", whole),
        check("a_changed_entry_is_named", changed),
        check("a_removed_entry_is_named", removed),
        check("reordered_entries_are_named", reordered),
        check("a_cut_off_end_is_named", cut),
        check("any_flipped_byte_of_the_files_is_found", flipped),
        check("the_key_is_its_owners_alone", key),
        check("every_entry_names_who_what_and_by_which_policy", complete),
    ]
}

/// A copy of the ledger, taken while no daemon writes it.
fn copy(world: &mut World, name: &str) -> Result<Copy> {
    world.records()?;
    let status = world.take_daemon()?.stop()?;
    ensure!(status.success(), "the daemon ended with {status}");
    let copy = Copy::take(name);
    world.daemon()?;
    copy
}

fn whole(world: &mut World) -> Result<()> {
    world.records()?;
    let report = json(&["audit", "verify"])?;
    ensure!(report["fault"].is_null(), "{report}");
    ensure!(report["entries"].as_u64().unwrap_or(0) > 10, "{report}");
    let copy = copy(world, "whole")?;
    let (code, report) = copy.verify()?;
    ensure!(code == 0 && report["fault"].is_null() && report["anchor"] == "agrees", "{code}: {report}");
    Ok(())
}

fn changed(world: &mut World) -> Result<()> {
    let copy = copy(world, "changed")?;
    copy.tamper("change", &[5])?;
    copy.must_fail(&["entry_changed"], Some(5))
}

fn removed(world: &mut World) -> Result<()> {
    let copy = copy(world, "removed")?;
    copy.tamper("remove", &[7])?;
    copy.must_fail(&["entry_missing"], Some(7))
}

fn reordered(world: &mut World) -> Result<()> {
    let copy = copy(world, "reordered")?;
    copy.tamper("swap", &[4, 6])?;
    copy.must_fail(&["entry_moved"], Some(4))
}

fn cut(world: &mut World) -> Result<()> {
    let copy = copy(world, "cut")?;
    let entries = copy.verify()?.1["entries"].as_u64().context("no number of entries")?;
    copy.tamper("remove", &[entries - 2, entries - 1])?;
    copy.must_fail(&["cut_off", "entry_missing"], Some(entries - 2))
}

/// One byte in the middle of each file that holds entries.
fn flipped(world: &mut World) -> Result<()> {
    let copy = copy(world, "flipped")?;
    let mut tried = 0;
    for entry in fs::read_dir(copy.path().join("ledger"))? {
        let path = entry?.path();
        let kind = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let whole = fs::read(&path)?;
        if !["sst", "log"].contains(&kind) || whole.len() < 200 {
            continue;
        }
        tried += 1;
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, &bytes)?;
        let (code, report) = copy.verify()?;
        fs::write(&path, &whole)?;
        ensure!(
            code == 1 && !report["fault"].is_null(),
            "a flip in {} was not found: {report}",
            path.display()
        );
    }
    ensure!(tried > 0, "there was no file to flip a byte in");
    let (code, report) = copy.verify()?;
    ensure!(code == 0, "control: with every byte back it does not verify: {report}");
    Ok(())
}

fn key(_: &mut World) -> Result<()> {
    let meta = fs::metadata(format!("{STATE}/ledger.key"))?;
    ensure!(meta.permissions().mode() & 0o7777 == 0o600, "mode {:o}", meta.permissions().mode());
    ensure!(meta.uid() == 0, "owner {}", meta.uid());
    Ok(())
}

fn complete(world: &mut World) -> Result<()> {
    world.records()?;
    let outcome = world.must_refuse(&format!("write {}", crate::harness::Spot::Tmpfs.p()))?;
    let entries = world.records()?;
    let of_doer = |entry: &&ledger::Entry| {
        ledger::number(&entry.record["actor"]["tid"]) == Some(u64::from(outcome.tid))
            && entry.record["verdict"] == "deny"
    };
    let record = &entries.iter().find(of_doer).context("the refusal is not recorded")?.record;
    let text = |pointer: &str| record.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default();
    for (pointer, wanted) in [
        ("/instance/agent", "suite-user"),
        ("/instance/profile", "suite"),
        ("/surface", "write"),
        ("/operation", "open"),
        ("/zone", "kept"),
        ("/reason", "no_edge"),
        ("/object/path", "/guardtest/tmpfs/pd/p"),
    ] {
        ensure!(text(pointer) == wanted, "{pointer} should be {wanted} in {record}");
    }
    for pointer in ["/instance/instance", "/policy_sha256", "/executable_sha256"] {
        ensure!(!text(pointer).is_empty(), "{pointer} is missing in {record}");
    }
    let findings = record["findings"].as_array().context("no findings")?;
    for primitive in ["kill_switch", "identity_binding", "network_boundary", "signed_audit"] {
        let said = findings.iter().any(|finding| finding["primitive"] == primitive);
        ensure!(said, "{primitive} says nothing in {record}");
    }
    Ok(())
}
