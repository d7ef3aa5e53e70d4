//! The only user of aya.
