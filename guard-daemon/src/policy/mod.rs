//! Policy: text, checked, compiled, rows for the kernel; and what two policies decide differently. Pure, but for
//! [`mod@resolve`], which asks the host, and for reading the policy's files.
//!
//! ```text
//! Sources::read(path) | Sources::embedded() | Sources::unbundle(name, text)
//!   -> check(sources)?              every problem of the text at once, or a Checked with warnings
//!   -> compile(checked, lineage)?   Compiled: names, verdicts, cells, addresses
//!   -> resolve(&compiled, guard)?   Resolved: Rows for the kernel, and what could not be resolved
//! ```

mod check;
mod compile;
pub mod diff;
mod document;
pub mod enrolled;
mod lineage;
pub mod problem;
pub mod resolve;
pub mod rows;
mod source;
#[cfg(test)]
mod tests;

pub use check::{
    AddressRule, ArgumentRule, ArgumentWord, Checked, Enrolment, Glob, Launch, Launcher, NameRule, Profile,
    Zone, check,
};
pub use compile::{Compiled, compile};
pub use diff::{Change, diff};
pub use lineage::Lineage;
pub use problem::{Place, Problem, Problems};
pub use resolve::{Resolved, Unresolved, resolve};
pub use rows::Rows;
pub use source::{
    EMBEDDED_INCLUDE, EMBEDDED_NAME, FILES_MAX, INCLUDE_DEPTH_MAX, Source, Sources, TEXT_BYTES_MAX,
};

/// Checks and compiles.
pub fn load(sources: Sources, lineage: &Lineage) -> Result<Compiled, Problems> {
    compile(check(sources)?, lineage)
}
