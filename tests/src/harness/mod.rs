//! What every suite stands on: the fixture, the actors inside and outside an agent, the oracle, the runner.

pub mod actor;
pub mod case;
pub mod database;
pub mod effect;
pub mod fixture;
pub mod guard;
pub mod ledger;
pub mod runner;
pub mod server;
pub mod shell;
pub mod world;

pub use case::{Act, Case, Refusal, Step, Who, act, exotic};
pub use effect::Effect;
pub use fixture::Spot;
pub use runner::{Test, check};
pub use world::World;
