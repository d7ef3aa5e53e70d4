//! A copy of the ledger in the hands of somebody who can write its files and has no key.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rocksdb::{DB, Options};
use serde_json::Value;

use super::guard::{STATE, guard};
use super::shell::sh;

/// The ledger's keys are positions, most significant byte first.
fn key(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}

/// A copy of the state folder.
#[derive(Debug)]
pub struct Copy(PathBuf);

impl Copy {
    /// Copies the state of a daemon that does not run.
    pub fn take(name: &str) -> Result<Self> {
        let path = PathBuf::from(format!("/guardtest/copies/{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all("/guardtest/copies")?;
        sh(&format!("cp -a {STATE} {}", path.display()))?;
        Ok(Self(path))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Changes rows.
    pub fn tamper(&self, change: impl FnOnce(&Rows) -> Result<()>) -> Result<()> {
        let path = self.0.join("ledger");
        let families = DB::list_cf(&Options::default(), &path)?;
        change(&Rows(DB::open_cf(&Options::default(), &path, families)?))
    }

    /// What `guard audit verify` says of it: exit status and report.
    pub fn verify(&self) -> Result<(i32, Value)> {
        let state = self.0.to_string_lossy();
        let ended = guard(&["audit", "verify", "--state", &state, "--json"])?;
        let report = serde_json::from_str(&ended.out);
        Ok((ended.code(), report.with_context(|| format!("no report: {}", ended.said()))?))
    }

    /// Demands that verification fails and names an entry, by one of these kinds.
    pub fn must_fail(&self, kinds: &[&str], index: Option<u64>) -> Result<()> {
        let (code, report) = self.verify()?;
        let fault = &report["fault"];
        ensure!(code == 1, "verify ended with {code}: {report}");
        ensure!(kinds.iter().any(|kind| fault["kind"] == *kind), "instead of {kinds:?} it finds {fault}");
        ensure!(index.is_none() || fault["index"].as_u64() == index, "instead of {index:?} it names {fault}");
        Ok(())
    }
}

/// The rows of a ledger.
pub struct Rows(DB);

impl Rows {
    /// An entry's bytes.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>> {
        self.0.get_cf(self.entries()?, key(index))?.with_context(|| format!("there is no entry {index}"))
    }

    /// Writes an entry's bytes.
    pub fn put(&self, index: u64, bytes: &[u8]) -> Result<()> {
        Ok(self.0.put_cf(self.entries()?, key(index), bytes)?)
    }

    /// Removes an entry.
    pub fn remove(&self, index: u64) -> Result<()> {
        Ok(self.0.delete_cf(self.entries()?, key(index))?)
    }

    fn entries(&self) -> Result<&rocksdb::ColumnFamily> {
        self.0.cf_handle("entries").context("the database has no entries")
    }
}
