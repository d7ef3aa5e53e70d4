//! The command line as people meet it.

mod bare;
mod reading;
mod run;

use crate::harness::Test;

/// Every case of this folder.
pub fn all() -> Vec<Test> {
    let files = [("run", run::all()), ("reading", reading::all()), ("bare", bare::all())];
    let filed = |(file, tests): (&str, Vec<Test>)| -> Vec<Test> {
        tests.into_iter().map(|test| test.under(&format!("cli::{file}"))).collect()
    };
    files.into_iter().flat_map(filed).collect()
}
