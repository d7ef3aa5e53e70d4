//! The admin socket: wire types, who may ask what, server and client.

pub mod wire;
