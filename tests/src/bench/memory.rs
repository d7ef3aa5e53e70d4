//! What the kernel holds for guard: by its own account of maps and programs, and by how much its memory grew.

use std::fs;

use anyhow::{Context, Result};

use super::line::Line;
use super::peers::Empty;
use super::programs::bpftool;
use guard_common::map::name;

/// Fields of `/proc/meminfo` that grow with maps, programs and their entries; page cache and names of files, which
/// come and go by themselves, are in none of them.
const FIELDS: [&str; 3] = ["SUnreclaim:", "VmallocUsed:", "Percpu:"];

/// Bytes that the kernel holds for itself.
pub(super) fn held() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let field = |name: &&str| {
        let line = text.lines().find_map(|line| line.strip_prefix(*name));
        let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        number.with_context(|| format!("/proc/meminfo has no {name}"))
    };
    Ok(FIELDS.iter().map(field).sum::<Result<u64>>()? * 1024)
}

/// Tells what is held for a policy of so many entries, where so much was held before guard came.
pub(super) fn tell(entries: usize, before: u64) -> Result<()> {
    let sum = |what: &str, is_ours: fn(&str) -> bool| -> Result<u64> {
        let all = bpftool(&[what, "show"])?;
        let rows = all.as_array().context("bpftool tells no list")?.iter();
        let ours = rows.filter(|row| row["name"].as_str().is_some_and(is_ours));
        Ok(ours.filter_map(|row| row["bytes_memlock"].as_u64()).sum())
    };
    let maps = sum("map", |known| name::ALL.iter().any(|map| shortened(map) == known))?;
    let programs = sum("prog", |known| known != Empty::NAME)?;
    let grown = held()?.cast_signed() - before.cast_signed();
    Line::Memory { entries, maps, programs, grown }.tell()
}

/// The kernel keeps fifteen bytes of a name.
fn shortened(name: &str) -> &str {
    name.get(..15).unwrap_or(name)
}
