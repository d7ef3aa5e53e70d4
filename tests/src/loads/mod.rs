//! What needs other programs than the suites have, and has them loaded: that takes long, so each leaves its own to the
//! next.

pub(crate) mod bare;
pub(crate) mod fault;
mod misfit;

use crate::harness::Test;

/// Every case of this folder, in the order in which they run.
pub fn all() -> Vec<Test> {
    let files = [("misfit", misfit::all()), ("fault", fault::all()), ("bare", bare::all())];
    let filed = |(file, tests): (&str, Vec<Test>)| -> Vec<Test> {
        tests.into_iter().map(|test| test.under(&format!("loads::{file}"))).collect()
    };
    files.into_iter().flat_map(filed).collect()
}
