//! What every suite stands on: the fixture, the actors inside and outside an agent, the oracle, the runner.

pub mod actor;
pub mod bystander;
pub mod case;
pub mod database;
pub mod effect;
pub mod enforcer;
pub mod fixture;
pub mod guard;
pub mod kernel;
pub mod ledger;
pub mod runner;
pub mod score;
pub mod server;
pub mod shell;
pub mod table;
pub mod trial;
pub mod world;

pub use case::{Act, By, Case, Cases, Profile, Refusal, Step, Who, act};
pub use effect::Effect;
pub use enforcer::Enforcer;
pub use fixture::Spot;
pub use runner::{Test, check};
pub use world::World;
