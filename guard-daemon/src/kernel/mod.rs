//! The kernel half, as the daemon sees it: the only user of aya, and the only place of the daemon for `unsafe`.
//! Loads and adopts programs, writes maps, reads rings, makes cgroups. Decides nothing.
//!
//! The way in is [`loader::take_up`]; [`Switches::open`] works without a daemon.

mod addresses;
mod adopt;
mod attaching;
pub mod bite;
pub mod btf;
mod decode;
pub mod descriptors;
pub mod diagnostics;
mod enrol;
mod enrolled;
mod failure;
mod fields;
mod halted;
mod host_request;
mod install;
mod labels;
mod loader;
mod maps;
pub mod memory;
mod mounts;
mod object;
pub mod pins;
mod placing;
mod plain;
pub mod probe;
pub mod programs;
mod ring;
mod sequence;
pub mod switches;
mod sys;

pub use decode::{DecodeError, Decoded, decode, escaped};
pub use diagnostics::LogLevel;
pub use enrol::{AgentCgroup, Cgroups, EnrolError, own_cgroups, run_enrol_iterator, unless_gone};
pub use enrolled::{Enrolled, enrolled};
pub use failure::MapFailure;
pub use halted::Halted;
pub use install::Prepared;
pub use labels::{Labelled, Labels};
pub use loader::{How, LoadError, Manner, Taken, object_sha256, take_up};
pub use maps::{Counts, FaultCount, Maps};
pub use pins::PinFolder;
pub use ring::{Heard, RingReader};
pub use sequence::{Missing, Tracker};
pub use switches::Switches;

pub use crate::clock::boot_ns;
