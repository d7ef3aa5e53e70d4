//! guard's user half. Modules import downward only: cli, app, then {kernel, audit, control}, engine, policy,
//! primitives, model, guard-common; `disk`, `clock` and `mountinfo` lie below them all.

pub mod app;
pub mod audit;
pub mod cli;
mod clock;
pub mod control;
mod disk;
pub mod engine;
pub mod kernel;
pub mod model;
mod mountinfo;
pub mod policy;
pub mod primitives;
