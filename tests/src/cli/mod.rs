//! The command line as people meet it.

mod bare;
mod reading;
mod run;

use crate::harness::Test;

/// Every case of this folder but the last ones.
pub fn all() -> Vec<Test> {
    [("run", run::all()), ("reading", reading::all())].into_iter().flat_map(filed).collect()
}

/// What takes the programs away.
pub fn last() -> Vec<Test> {
    filed(("bare", bare::all()))
}

fn filed((file, tests): (&str, Vec<Test>)) -> Vec<Test> {
    tests.into_iter().map(|test| test.under(&format!("cli::{file}"))).collect()
}
