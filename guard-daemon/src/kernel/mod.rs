//! The only user of aya.

pub mod descriptors;
