//! Addresses that strain: cut off, and of no family.

use anyhow::{Result, ensure};
use guard_common::Reason;
use nix::libc::{EACCES, EINVAL};

use crate::harness::world::Side;
use crate::harness::{Test, Who, World, act, check};

pub(super) fn all() -> Vec<Test> {
    vec![check("an_address_that_cannot_be_judged_is_refused", malformed)]
}

/// Outside any agent the kernel minds the short ones by itself; one of no family, where none is needed, it takes.
fn malformed(world: &mut World) -> Result<()> {
    let short = |call: &str, family: u32, length: u32| (format!("!peer.{call} {family} {length}"), EINVAL);
    let mut tries = vec![("!peer.send_to_no_family".to_owned(), 0)];
    for call in ["connect", "send"] {
        tries.extend([1, 8, 15].map(|length| short(call, 4, length)));
        tries.extend([1, 8, 23].map(|length| short(call, 6, length)));
    }
    for (line, code) in tries {
        let outside = world.perform(Side::Outside, Who::User, &act(&line))?;
        ensure!(outside.code == code, "outside any agent `{line}` ended with {outside:?}");
        let inside = world.inside(&line)?;
        ensure!(inside.code == EACCES, "`{line}` ended with {inside:?}");
        world.refusal_of(&inside, Reason::MalformedAddress)?;
    }
    Ok(())
}
