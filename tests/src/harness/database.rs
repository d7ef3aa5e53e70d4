//! A copy of the ledger in the hands of somebody who can write its files and has no key.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::guard::{STATE, guard};
use super::shell::{end, sh};

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

    /// Changes rows: `change`, `remove` or `swap`, and the entries' positions.
    pub fn tamper(&self, what: &str, indexes: &[u64]) -> Result<()> {
        let mut command = Command::new(std::env::current_exe()?.with_file_name("guard-tamper"));
        command.arg(self.0.join("ledger")).arg(what).args(indexes.iter().map(u64::to_string));
        let ended = end(&mut command)?;
        ensure!(ended.code() == 0, "{}", ended.said());
        Ok(())
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
