//! guard's user half. Modules import downward only: cli, app, then {kernel, audit, control}, engine, policy,
//! primitives, model, guard-common.

pub mod app;
pub mod audit;
pub mod cli;
pub mod control;
pub mod engine;
pub mod kernel;
pub mod model;
pub mod policy;
pub mod primitives;
