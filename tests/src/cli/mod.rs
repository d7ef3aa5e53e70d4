//! The command line as people meet it.

mod built_in;
pub(crate) mod reading;
mod run;

use crate::harness::Test;

/// Every case of this folder.
pub fn all() -> Vec<Test> {
    [("run", run::all()), ("reading", reading::all()), ("built_in", built_in::all())]
        .into_iter()
        .flat_map(filed)
        .collect()
}

fn filed((file, tests): (&str, Vec<Test>)) -> Vec<Test> {
    tests.into_iter().map(|test| test.under(&format!("cli::{file}"))).collect()
}
