//! What the kernel half promises, beyond single attacks.

pub(crate) mod apply;
mod daemon;
mod death;
pub(crate) mod enrol;
mod halt;
mod held;
mod host;
mod kill;
mod label;
mod mixture;
mod path;
mod peer;
mod pressure;
mod program;
mod restart;
mod ring;
mod room;
mod switch;
mod zone;

use crate::harness::Test;

/// Every case of this folder.
pub fn all() -> Vec<Test> {
    let files = [
        ("zone", zone::all()),
        ("path", path::all()),
        ("peer", peer::all()),
        ("program", program::all()),
        ("label", label::all()),
        ("apply", apply::all()),
        ("mixture", mixture::all()),
        ("held", held::all()),
        ("switch", switch::all()),
        ("ring", ring::all()),
        ("room", room::all()),
        ("host", host::all()),
        ("kill", kill::all()),
        ("halt", halt::all()),
        ("daemon", daemon::all()),
        ("pressure", pressure::all()),
        ("death", death::all()),
        ("restart", restart::all()),
    ];
    files.into_iter().flat_map(filed).chain(enrol::all()).collect()
}

fn filed((file, tests): (&str, Vec<Test>)) -> Vec<Test> {
    tests.into_iter().map(|test| test.under(&format!("kernel::{file}"))).collect()
}
