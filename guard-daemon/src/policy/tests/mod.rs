//! The policy's sentences, from text to verdicts.

mod enrol;
mod fuzz;
mod include;
mod numbers;
mod ready;
mod refused;

use super::{Compiled, Lineage, Problems, Sources, load};

/// Compiles a text, named `test.toml`.
fn try_load(text: &str) -> Result<Compiled, Problems> {
    load(Sources::unbundle("test.toml", text)?, &Lineage::default())
}

fn compiled(text: &str) -> Compiled {
    try_load(text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What is said about a text, one complaint a line.
fn complaints(text: &str) -> Vec<String> {
    match try_load(text) {
        Ok(compiled) => panic!("taken, with {:?}", compiled.warnings()),
        Err(Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
    }
}
