//! `cargo xtask tidy`: the rules of this code base that run. One file per rule; each has a failing sample.

mod arrows;
mod code;
mod files;
mod format;
mod owners;
mod reasons;
mod safety;
mod tree;
mod words;

use anyhow::Result;

use self::tree::{Finding, Tree};
use crate::checkout;
use crate::sh::say;

#[derive(clap::Args)]
pub(crate) struct Args {}

/// A rule's name and its check.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

const RULES: [Rule; 7] = [
    ("imports point down", arrows::check),
    ("crates have one owner", owners::check),
    ("files say what they own", files::check),
    ("unsafe code is explained", safety::check),
    ("nothing of one machine", words::check),
    ("every reason has a test", reasons::check),
    ("rustfmt", format::check),
];

pub(crate) fn main(_: Args) -> Result<i32> {
    let count = run()?;
    say(&format!("tidy: {} rules kept, {} broken", count.kept, count.broken));
    Ok(i32::from(count.broken > 0))
}

/// How many rules hold in this checkout.
pub(crate) struct Count {
    pub(crate) kept: u32,
    pub(crate) broken: u32,
}

/// Checks every rule, and prints each finding on standard output.
pub(crate) fn run() -> Result<Count> {
    let tree = Tree::read(&checkout::root())?;
    let mut count = Count { kept: 0, broken: 0 };
    for (name, check) in RULES {
        let findings = check(&tree);
        if findings.is_empty() {
            count.kept += 1;
            continue;
        }
        count.broken += 1;
        println!("tidy: {name}: {} found", findings.len());
        findings.iter().for_each(|finding| println!("{finding}"));
    }
    Ok(count)
}
