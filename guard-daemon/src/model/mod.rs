//! Domain types: what acts, on what, what was found and decided, what is recorded. Pure: no IO, no clock.

pub mod action;
pub mod decimal;
pub mod effect;
pub mod finding;
pub mod input;
pub mod record;
pub mod state;
