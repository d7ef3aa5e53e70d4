//! The admin socket: wire types, who may ask what, server and client; and the journal of kill orders.

pub mod auth;
pub mod client;
pub mod lines;
pub mod orders;
pub mod peer;
pub mod server;
pub mod wire;
