//! The ledger as `guard audit query --json` shows it: what was refused, and why.

use anyhow::{Context, Result};
use serde_json::Value;

use super::guard;

/// One refusal that the ledger holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Position in the ledger.
    pub index: u64,
    /// Acting process, in the host's namespace.
    pub pid: u32,
    /// Acting thread.
    pub tid: u32,
    /// Its user.
    pub uid: u32,
    /// The agent's name.
    pub agent: String,
    /// Words of the record.
    pub surface: String,
    /// See `surface`.
    pub operation: String,
    /// See `surface`.
    pub reason: String,
    /// See `surface`.
    pub zone: String,
    /// What it was about: the path, or the address.
    pub object: String,
}

/// One entry: its position and its record.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Position in the ledger.
    pub index: u64,
    /// The record.
    pub record: Value,
}

/// Every entry from a position on, oldest first.
pub fn entries(from: u64) -> Result<Vec<Entry>> {
    let after = from.checked_sub(1).map(|after| after.to_string());
    query(&after.as_deref().map_or(vec![], |after| vec!["--after", after]))
}

/// Every entry of the ledger in another state folder, oldest first.
pub fn entries_in(state: &str) -> Result<Vec<Entry>> {
    query(&["--state", state])
}

fn query(words: &[&str]) -> Result<Vec<Entry>> {
    let ended = guard::ok(&[&["audit", "query", "-n", "0", "--oldest-first", "--json"], words].concat())?;
    ended.out.lines().map(entry).collect()
}

fn entry(line: &str) -> Result<Entry> {
    let mut value: Value = serde_json::from_str(line).with_context(|| format!("not an entry: {line}"))?;
    let index = number(&value["index"]).with_context(|| format!("no index in {line}"))?;
    Ok(Entry { index, record: value["record"].take() })
}

/// A number, or its decimal text: 64-bit ones are written so.
pub fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The refusals among entries.
pub fn refusals(entries: &[Entry]) -> Vec<Refused> {
    entries.iter().filter(|entry| entry.record["verdict"] == "deny").map(refused).collect()
}

fn refused(entry: &Entry) -> Refused {
    let record = &entry.record;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let small = |value: &Value| number(value).and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    let object = &record["object"];
    Refused {
        index: entry.index,
        pid: small(&record["actor"]["process"]["pid"]),
        tid: small(&record["actor"]["tid"]),
        uid: small(&record["actor"]["uid"]),
        agent: text(&record["instance"]["agent"]),
        surface: text(&record["surface"]),
        operation: text(&record["operation"]),
        reason: text(&record["reason"]),
        zone: text(&record["zone"]),
        object: if object["path"].is_null() { text(&object["address"]) } else { text(&object["path"]) },
    }
}

/// Entries of one stage.
pub fn of_stage<'a>(entries: &'a [Entry], stage: &str) -> Vec<&'a Value> {
    entries.iter().map(|entry| &entry.record).filter(|record| record["stage"] == stage).collect()
}
