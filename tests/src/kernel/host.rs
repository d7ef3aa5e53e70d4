//! Who is no agent never suffers.

use anyhow::{Result, ensure};

use crate::harness::case::act;
use crate::harness::server::D4;
use crate::harness::world::Side;
use crate::harness::{Spot, Test, Who, World, check, guard};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("the_host_does_what_agents_may_not", free),
        check("the_host_goes_on_while_every_agent_is_killed", while_killed),
        check("the_host_goes_on_while_every_surface_is_off", while_off),
    ]
}

fn host_work(world: &mut World) -> Result<()> {
    for who in [Who::User, Who::Root] {
        let acts = [
            format!("write {}", Spot::Tmpfs.p()),
            format!("create {}", Spot::Ext4.pd("by-host")),
            format!("unlink {}", Spot::Ext4.pd("by-host")),
            format!("read {}", Spot::Root.s()),
            format!("exec {} true", Spot::Tmpfs.x()),
            format!("tcp {D4}"),
            format!("udp {D4}"),
        ];
        for line in acts {
            let outcome = world.perform(Side::Outside, who, &act(&line))?;
            ensure!(
                outcome.code == 0 && outcome.signal == 0,
                "outside, as {who:?}: `{line}` ended with {outcome:?}"
            );
        }
    }
    Ok(())
}

fn free(world: &mut World) -> Result<()> {
    host_work(world)
}

fn while_killed(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    guard::ok(&["kill", "--mode", "freeze"])?;
    let result = host_work(world);
    guard::ok(&["recover", "--note", "the suite goes on"])?;
    result?;
    world.must_allow("nothing").map(drop)
}

fn while_off(world: &mut World) -> Result<()> {
    for surface in ["exec", "read", "write", "connect"] {
        guard::ok(&["surface", surface, "off"])?;
    }
    let result = host_work(world);
    for surface in ["exec", "read", "write", "connect"] {
        guard::ok(&["surface", surface, "on"])?;
    }
    result
}
