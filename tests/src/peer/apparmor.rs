//! AppArmor, with a profile written for it. Denials by name go further than Landlock's, peers of the network cannot be
//! told apart.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::harness::shell::sh;

/// Its name.
pub const PROFILE: &str = "guardtest";
const TEXT: &str = include_str!("../../fixtures/suite.apparmor");
const FILE: &str = "/tmp/guardtest.apparmor";

/// Loads the profile.
pub fn load() -> Result<()> {
    let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    ensure!(modules.contains("apparmor"), "this kernel runs without AppArmor: {modules}");
    fs::write(FILE, TEXT)?;
    sh(&format!("apparmor_parser --replace --skip-cache {FILE}")).context("package apparmor")
}
