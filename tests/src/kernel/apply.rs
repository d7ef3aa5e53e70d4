//! Putting another policy in force: at once, whole, or not at all.

use std::fs;

use anyhow::{Context, Result, ensure};
use aya::maps::{Array, Map, MapData};
use guard_common::Reason;
use guard_common::map::name;
use serde_json::Value;

use crate::harness::guard::{PINS, POLICY, POLICY_TEXT};
use crate::harness::server::A4;
use crate::harness::world::Side;
use crate::harness::{By, Spot, Test, Who, World, act, check, guard, ledger};

const OTHER: &str = "/etc/guard/other.toml";

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_policy_changes_the_next_verdict", at_once),
        check("no_verdict_is_lost_between_two_policies", atomic),
        check("a_longer_prefix_wins", longest_prefix),
        check("five_hundred_zones_are_in_force", many_zones),
        check("a_policy_that_is_wrong_changes_nothing", wrong_ones),
        check("an_applied_policy_outlives_the_daemon", outlives),
        check("before_the_first_policy_agents_are_refused_and_nobody_else_is", before_the_first),
    ]
}

/// The suite's policy with something added.
pub(crate) fn with(more: &str) -> String {
    format!("{POLICY_TEXT}\n{more}")
}

const WRITE_KEPT: &str = "[[edges]]\nprofile = \"suite\"\nzone = \"kept\"\nallow = [\"write\"]\n";

pub(super) fn apply(text: &str) -> Result<()> {
    fs::write(OTHER, text)?;
    guard::ok(&["policy", "apply", OTHER]).map(drop)
}

/// Runs with another policy, and puts the suite's back whatever happens.
pub(super) fn under(text: &str, body: impl FnOnce() -> Result<()>) -> Result<()> {
    apply(text)?;
    let result = body();
    guard::ok(&["policy", "apply", POLICY])?;
    result
}

fn at_once(world: &mut World) -> Result<()> {
    for _ in 0..3 {
        world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
        under(&with(WRITE_KEPT), || {
            world.must_allow(&format!("write {}", Spot::Tmpfs.p()))?;
            world.must_allow(&format!("create {}", Spot::Ext4.pd("new")))?;
            world.must_allow(&format!("unlink {}", Spot::Ext4.pd("new"))).map(drop)
        })?;
        world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
    }
    Ok(())
}

/// Two policies that agree on P and on W are swapped while one thread tries each without a pause.
fn atomic(world: &mut World) -> Result<()> {
    let told = format!("{}/told", crate::harness::fixture::MARKS);
    let attack = format!("hammer {told} 10 write {}", Spot::Tmpfs.p());
    let steady = format!("steady 10 write {}", Spot::Tmpfs.w("f"));
    for line in [&attack, &steady] {
        let words = act(line).words;
        let who = if line == &attack { Who::User } else { Who::Root };
        world.actor(Side::Inside, who, By::Program)?.send(&words, crate::act::serve::How::Apart)?;
    }
    let result =
        (0..5).try_for_each(|_| under(&with("[zones.spare]\naddresses = [\"192.0.2.7\"]\n"), || Ok(())));
    let attacked = world.actor(Side::Inside, Who::User, By::Program)?.answer()?;
    let allowed = world.actor(Side::Inside, Who::Root, By::Program)?.answer()?;
    result?;
    ensure!(attacked.out.contains("done 0"), "P was written between two policies: {attacked:?}");
    ensure!(allowed.code == 0, "W could not be written between two policies: {allowed:?}");
    Ok(())
}

/// A network is open, one address in it is not; then the other way round.
fn longest_prefix(world: &mut World) -> Result<()> {
    let edge =
        |zone: &str| format!("[[edges]]\nprofile = \"suite\"\nzone = \"{zone}\"\nallow = [\"connect\"]\n");
    let zone = |name: &str, addresses: &str| format!("[zones.{name}]\naddresses = [{addresses}]\n");
    let wide = zone("wide", "\"10.99.0.0/24\", \"fd99::/64\"");
    let narrow = zone("narrow", "\"10.99.0.2\", \"fd99::2\"");
    let port = zone("port", "\"10.99.0.2:7000/tcp\"");
    use crate::harness::server::{D4, D6};
    under(&with(&[wide.clone(), narrow.clone(), edge("wide")].concat()), || {
        world.must_refuse(&format!("udp {D4}"))?;
        world.must_refuse(&format!("udp {D6}")).map(drop)
    })?;
    under(&with(&[wide.clone(), narrow.clone(), edge("narrow")].concat()), || {
        world.must_allow(&format!("udp {D4}"))?;
        world.must_allow(&format!("udp {D6}")).map(drop)
    })?;
    under(&with(&[wide.clone(), narrow.clone(), port, edge("port")].concat()), || {
        world.must_allow(&format!("tcp {D4}"))?;
        world.must_refuse(&format!("udp {D4}"))?;
        world.must_refuse(&format!("tcp {D6}")).map(drop)
    })?;
    // The network's rule says more about the port; the address alone is longer.
    let ports = zone("ports", "\"10.99.0.0/24:7000/tcp\", \"[fd99::/64]:7000\"");
    for (named, is_open) in [("narrow", true), ("ports", false)] {
        under(&with(&[narrow.clone(), ports.clone(), edge(named)].concat()), || {
            for line in [format!("tcp {D4}"), format!("tcp {D6}")] {
                if is_open { world.must_allow(&line) } else { world.must_refuse(&line) }?;
            }
            Ok(())
        })?;
    }
    under(&with(&[wide, ports, edge("ports")].concat()), || {
        world.must_allow(&format!("tcp {D4}"))?;
        world.must_allow(&format!("udp {D6}"))?;
        world.must_refuse(&format!("udp {D4}")).map(drop)
    })?;
    // Nothing of all that is left.
    world.must_refuse(&format!("tcp {D4}"))?;
    world.must_refuse(&format!("udp {D6}")).map(drop)
}

fn many_zones(world: &mut World) -> Result<()> {
    let mut more = String::new();
    for n in 0..500 {
        let folder = Spot::Tmpfs.at(&format!("many/{n}"));
        crate::harness::fixture::folder(&folder)?;
        more.push_str(&format!("[zones.many-{n}]\npaths = [\"{folder}\"]\n"));
        if n % 2 == 0 {
            more.push_str(&format!(
                "[[edges]]\nprofile = \"suite\"\nzone = \"many-{n}\"\nallow = [\"read\", \"write\"]\n"
            ));
        }
    }
    under(&with(&more), || {
        for n in [0, 1, 250, 251, 498, 499] {
            let line = format!("create {}", Spot::Tmpfs.at(&format!("many/{n}/f")));
            if n % 2 == 0 { world.must_allow(&line) } else { world.must_refuse(&line) }?;
        }
        world.must_refuse(&format!("write {}", Spot::Tmpfs.p())).map(drop)
    })
}

/// What stands in the file, and a word that the complaint must have.
fn wrong() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let text = |more: &str| with(more).into_bytes();
    vec![
        ("nothing", Vec::new(), "empty"),
        ("no TOML", b"version = \n[[[".to_vec(), "other.toml:1"),
        ("an unknown key", text("[zones.a]\npathes = [\"/a\"]\n"), "did you mean `paths`"),
        ("a bad address", text("[zones.a]\naddresses = [\"10.0.0.0/33\"]\n"), "10.0.0.0/33"),
        (
            "a missing zone",
            text("[[edges]]\nprofile = \"suite\"\nzone = \"opne\"\nallow = [\"read\"]\n"),
            "`open`",
        ),
        (
            "a missing profile",
            text("[[edges]]\nprofile = \"siute\"\nzone = \"open\"\nallow = [\"read\"]\n"),
            "`suite`",
        ),
        (
            "an edge into guard",
            text("[[edges]]\nprofile = \"suite\"\nzone = \"guard\"\nallow = [\"write\"]\n"),
            "guard",
        ),
        ("bytes that are no text", [POLICY_TEXT.as_bytes(), b"# \xff\xfe\n"].concat(), "UTF-8"),
        ("ten megabytes", [POLICY_TEXT.as_bytes(), "# x\n".repeat(10 << 18).as_bytes()].concat(), "larger"),
        ("an include of itself", include(&["other.toml"]), "circle"),
        ("an include of nothing", include(&["no-such-file.toml"]), "no-such-file.toml"),
    ]
}

fn include(files: &[&str]) -> Vec<u8> {
    format!("version = 1\ninclude = {files:?}\ndefault_profile = \"a\"\n[profiles.a]\n").into_bytes()
}

fn wrong_ones(world: &mut World) -> Result<()> {
    let before = in_force()?;
    for (what, text, word) in wrong() {
        fs::write(OTHER, text)?;
        for order in ["check", "apply"] {
            let said = guard::fails(&["policy", order, OTHER])?.said();
            ensure!(said.contains(word), "{order} of {what} does not say {word:?}: {}", short(&said));
            ensure!(said.len() < 20_000, "{order} of {what} says {} bytes", said.len());
        }
        ensure!(in_force()? == before, "{what} changed the policy in force");
        world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
        world.must_allow(&format!("write {}", Spot::Tmpfs.w("f")))?;
    }
    fs::remove_file(OTHER)?;
    let said = guard::fails(&["policy", "apply", OTHER])?.said();
    ensure!(said.contains(OTHER), "a missing file: {}", short(&said));
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(600).collect()
}

/// Digest and generation of the policy in force.
fn in_force() -> Result<(Value, Value)> {
    let mut status = guard::json(&["status"])?;
    let policy = &mut status["policy"];
    Ok((policy["sha256"].take(), policy["generation"].take()))
}

fn outlives(world: &mut World) -> Result<()> {
    apply(&with(WRITE_KEPT))?;
    let applied = in_force()?.0;
    world.take_daemon()?.kill()?;
    world.must_still_allow(&format!("write {}", Spot::Tmpfs.p()))?;
    world.daemon()?;
    let after = in_force()?.0;
    let outcome = world.inside(&format!("write {}", Spot::Tmpfs.p()));
    guard::ok(&["policy", "apply", POLICY])?;
    ensure!(applied == after, "after a restart another policy is in force: {after} instead of {applied}");
    ensure!(outcome.context("after the restart")?.code == 0, "after a restart the old verdict is back");
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p())).map(drop)
}

/// The number of the policy in force, which comes back with the value's end.
struct Generation(Map, u64);

impl Generation {
    /// As a daemon leaves it that dies with its programs loaded, and no policy written yet.
    fn none() -> Result<Self> {
        let data =
            MapData::from_pin(format!("{PINS}/maps/{}", name::GENERATION)).context("the generation")?;
        let mut map = Map::from_map_data(data)?;
        let mut rows = Array::<_, u64>::try_from(&mut map)?;
        let before = rows.get(&0, 0)?;
        rows.set(0, 0, 0)?;
        Ok(Self(map, before))
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        let _ = Array::<_, u64>::try_from(&mut self.0).map(|mut rows| rows.set(0, self.1, 0));
    }
}

fn before_the_first(world: &mut World) -> Result<()> {
    let w = |line: &str| Spot::Tmpfs.filled(line);
    let lines =
        [w("read {w}/f"), w("write {w}/f"), w("mkdir {w}/new"), format!("tcp {A4}"), format!("udp {A4}")];
    world.must_allow("nothing")?;
    let none = Generation::none()?;
    let mut refused = Vec::new();
    for line in &lines {
        refused.push(world.must_refuse(line)?);
        let outside = world.perform(Side::Outside, Who::User, &act(line))?;
        ensure!(outside.code == 0, "outside any agent `{line}` ended with {outside:?}");
        let _ = fs::remove_dir(Spot::Tmpfs.w("new"));
    }
    drop(none);
    lines.iter().try_for_each(|line| world.must_allow(line).map(drop))?;
    let entries = ledger::refusals(&world.records()?);
    for outcome in refused {
        let own: Vec<_> = entries.iter().filter(|refused| refused.tid == outcome.tid).collect();
        ensure!(!own.is_empty(), "no record of {outcome:?}");
        ensure!(own.iter().all(|refused| refused.reason == Reason::NoPolicy.name()), "{own:?}");
    }
    Ok(())
}
