//! What the ledger promises: whatever is done to it is found, and a daemon never goes on with one that is wrong.

mod damage;
mod full;
mod verify;

use crate::harness::Test;

/// Every case of this folder.
pub fn all() -> Vec<Test> {
    let files = [("verify", verify::all()), ("damage", damage::all()), ("full", full::all())];
    let filed = |(file, tests): (&str, Vec<Test>)| -> Vec<Test> {
        tests.into_iter().map(|test| test.under(&format!("ledger::{file}"))).collect()
    };
    files.into_iter().flat_map(filed).collect()
}
