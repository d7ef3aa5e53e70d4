//! The admin socket: wire types, who may ask what, server and client; and the journal of kill orders.

pub mod client;
pub mod orders;
pub mod wire;
