//! Being someone else: children, threads, orphans, other users, other namespaces, other cgroups.

use anyhow::{Context, Result, ensure};
use guard_common::{Operation, Surface};

use super::{filled, on_pd_at};
use crate::harness::fixture::USER;
use crate::harness::server::A4;
use crate::harness::world::Side;
use crate::harness::{Act, Case, Effect, Refusal, Spot, Step, Test, Who, World, act, check};

pub(super) fn all() -> Vec<Test> {
    let mut tests = Vec::new();
    for (spot, who) in [(Spot::Tmpfs, Who::User), (Spot::Ext4, Who::Root)] {
        let one = |sentence, before: &str| {
            let (attack, allowed) = (format!("{before} write {{pd}}/p"), format!("{before} write {{w}}/f"));
            on_pd_at(spot, who, sentence, Operation::Open, &attack, &allowed)
        };
        let odd = |sentence, trick: &str| {
            let (attack, allowed) = (format!("!{trick} {{pd}}/p"), format!("!{trick} {{w}}/f"));
            on_pd_at(spot, who, sentence, Operation::Open, &attack, &allowed)
        };
        tests.extend([
            one("a_thread_is_the_agent", "in-thread"),
            one("the_fifth_descendant_is_the_agent", "generation 5"),
            one("an_orphan_in_its_own_session_is_the_agent", "orphaned"),
            one("new_namespaces_do_not_shed_the_label", "in-namespaces"),
            odd("a_double_fork_without_exec_is_the_agent", "double-fork"),
            odd("a_hundredth_fork_is_the_agent", "fork-chain 100"),
            odd("a_spawned_program_is_the_agent", "spawned /usr/local/bin/guard-act write"),
        ]);
    }
    tests.extend(as_root());
    tests.push(check("the_label_stays_when_the_cgroup_is_left", moved_out));
    tests
}

fn as_root() -> Vec<Test> {
    let spot = Spot::Tmpfs;
    let network = Case {
        who: Who::Root,
        attack: Step {
            act: act("in-network /run/netns/guardtest tcp 127.0.0.1:7000"),
            effect: Effect::ReachedOther,
        },
        refusal: Refusal::no_edge(Surface::Read, Operation::Open),
        allowed: Step { act: act(&format!("tcp {A4}")), effect: Effect::ReachedAllowed },
    };
    let leaving: Act = filled(spot, "after-leaving /sys/fs/cgroup/cgroup.procs write {pd}/p");
    let cgroup = Case {
        who: Who::Root,
        attack: Step { act: leaving, effect: Effect::Changed(spot.at("pd")) },
        refusal: Refusal::no_edge(Surface::Write, Operation::Open),
        allowed: Step { act: filled(spot, "write {w}/f"), effect: Effect::Changed(spot.at("w")) },
    };
    vec![
        on_pd_at(
            spot,
            Who::Root,
            "another_user_is_the_same_agent",
            Operation::Open,
            &format!("as-user {USER} write {{pd}}/p"),
            &format!("as-user {USER} write {{w}}/f"),
        ),
        Test::attack("another_network_cannot_be_entered@root", network),
        Test::attack("the_cgroup_cannot_be_left@root", cgroup),
    ]
}

/// Someone outside moves the agent to the root cgroup: it is an agent all the same.
fn moved_out(world: &mut World) -> Result<()> {
    let own = act("self");
    let before = world.perform(Side::Inside, Who::User, &own)?.out;
    let pid = serving_pid(world)?;
    std::fs::write("/sys/fs/cgroup/cgroup.procs", pid.to_string()).context("cannot move the agent")?;
    let after = world.perform(Side::Inside, Who::User, &own)?.out;
    let outcome = world.inside(&format!("write {}", Spot::Tmpfs.p()))?;
    let back = before.trim().trim_start_matches("0::");
    std::fs::write(format!("/sys/fs/cgroup{back}/cgroup.procs"), pid.to_string())
        .context("cannot move it back")?;
    ensure!(before != after, "the agent did not leave its cgroup: {before}");
    ensure!(outcome.code == nix::libc::EACCES, "outside its cgroup: {outcome:?}");
    Ok(())
}

/// The process that serves the acts: it performs `Here`, and so knows its own pid.
fn serving_pid(world: &mut World) -> Result<u32> {
    let words = [String::from("nothing")];
    Ok(world.actor(Side::Inside, Who::User, false)?.order(&words, crate::act::serve::How::Here)?.tid)
}
