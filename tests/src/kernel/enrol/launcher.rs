//! Launchers: what the policy names as one sets an agent up unhindered, and whatever it starts is the agent. Each case
//! is a way to stay what one is not.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::{Result, ensure};
use aya::maps::{Array, Map, MapData};
use guard_common::map::name;

use super::{LIMIT, Place, outsider};
use crate::act::serve::How;
use crate::harness::actor::Actor;
use crate::harness::fixture::{ACT, WHOLE, give};
use crate::harness::guard::{PINS, enter};
use crate::harness::shell::{sh, until};
use crate::harness::{Spot, Test, Who, World, check, guard};

/// The launcher that the policy names.
pub(super) const LAUNCHER: &str = "/usr/local/bin/guardtest-launcher";
/// The same program by a name that it does not.
const COPY: &str = "/usr/local/bin/guardtest-copy";
/// Another name of the same file.
const LINK: &str = "/usr/local/bin/guardtest-link";

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_launcher_is_free_until_it_starts_something_else", until_it_starts),
        check("what_a_launcher_forks_is_a_launcher_and_what_that_starts_is_the_agent", forks),
        check("an_agent_that_starts_a_launcher_stays_the_agent", started_again),
        check("a_launcher_in_another_mount_namespace_starts_the_agent_whatever_it_starts", other_mounts),
        check("a_launcher_below_another_root_starts_the_agent_whatever_it_starts", other_root),
        check("a_launchers_copy_of_itself_in_memory_is_one_at_home_only", in_memory),
        check("a_launchers_copy_in_memory_stays_one_while_somebody_else_comes", in_memory_meanwhile),
        check("a_copy_and_another_link_of_a_launcher_are_none", copies),
        check("a_launcher_that_leaves_before_it_starts_anything_was_no_agent", leaves),
        check("a_script_is_no_launcher", script),
    ]
}

/// The launcher is there before the policy names it.
pub(super) fn programs() -> Result<()> {
    for program in [LAUNCHER, COPY] {
        fs::copy(ACT, program)?;
        give(program.as_ref(), 0o755)?;
    }
    let _ = fs::remove_file(LINK);
    Ok(fs::hard_link(LAUNCHER, LINK)?)
}

/// A launcher inside an enrolled cgroup.
pub(super) fn inside(place: &Place, program: &str) -> Result<Actor> {
    let mut command = guard::as_user(Who::Root, "env");
    let mut actor = Actor::start("launcher", command.args([program, "serve"]))?;
    // `env` has made way for it once it answers.
    actor.perform(&["nothing".to_owned()])?;
    enter(place.path(), actor.pid())?;
    Ok(actor)
}

pub(super) fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Whether the act overwrote P.
pub(super) fn writes(actor: &mut Actor, line: &str, how: How) -> Result<bool> {
    crate::harness::fixture::reset(Spot::Tmpfs)?;
    let outcome = actor.order(&words(line), how)?;
    let written = fs::read(Spot::Tmpfs.p())? != WHOLE;
    ensure!(written == (outcome.code == 0), "`{line}` ended with {outcome:?}, and P says {written}");
    Ok(written)
}

pub(super) fn write_p() -> String {
    format!("write {}", Spot::Tmpfs.p())
}

/// A case: in the order given, whether each act of a launcher's child reaches its effect.
fn expect(cases: &[(&str, String, bool)]) -> Result<()> {
    let place = Place::make("/boxes/launcher")?;
    let mut actor = inside(&place, LAUNCHER)?;
    for (what, line, free) in cases {
        let written = writes(&mut actor, line, How::Apart)?;
        ensure!(written == *free, "{what}: `{line}` was {}", if written { "not refused" } else { "refused" });
    }
    Ok(())
}

fn until_it_starts(_: &mut World) -> Result<()> {
    let write = write_p();
    let place = Place::make("/boxes/launcher")?;
    let mut actor = inside(&place, LAUNCHER)?;
    ensure!(writes(&mut actor, &write, How::Here)?, "a launcher is hindered");
    ensure!(writes(&mut actor, &format!("exec {LAUNCHER} {write}"), How::Apart)?, "a second launcher is");
    ensure!(!writes(&mut actor, &format!("exec {ACT} {write}"), How::Apart)?, "the payload is free");
    ensure!(writes(&mut actor, &write, How::Here)?, "the launcher is hindered for what it started");
    Ok(())
}

fn forks(_: &mut World) -> Result<()> {
    let write = write_p();
    expect(&[
        ("a launcher's grandchild", format!("generation 2 {write}"), true),
        ("what a grandchild starts", format!("generation 2 exec {ACT} {write}"), false),
        ("what an orphan starts", format!("orphaned exec {ACT} {write}"), false),
        ("what a thread starts", format!("in-thread exec {ACT} {write}"), false),
    ])
}

fn started_again(_: &mut World) -> Result<()> {
    let write = write_p();
    expect(&[
        ("payload, launcher", format!("exec {ACT} exec {LAUNCHER} {write}"), false),
        ("payload, launcher, its child", format!("exec {ACT} exec {LAUNCHER} generation 1 {write}"), false),
    ])
}

fn other_mounts(_: &mut World) -> Result<()> {
    let write = write_p();
    expect(&[
        ("the launcher itself", format!("in-namespaces {write}"), true),
        ("a launcher there", format!("in-namespaces exec {LAUNCHER} {write}"), false),
        ("itself again", format!("in-namespaces exec /proc/self/exe {write}"), false),
    ])
}

fn other_root(_: &mut World) -> Result<()> {
    let write = write_p();
    // The host's programs below a root that is not the host's.
    let root = Spot::Tmpfs.at("another-root");
    for folder in ["usr", "guardtest/tmpfs"] {
        fs::create_dir_all(format!("{root}/{folder}"))?;
        sh(&format!("mount --bind /{folder} {root}/{folder}"))?;
    }
    for link in ["lib", "lib64"] {
        let _ = symlink(format!("usr/{link}"), format!("{root}/{link}"));
    }
    let result = expect(&[
        ("the launcher itself", format!("in-chroot {root} {write}"), true),
        ("a launcher there", format!("in-chroot {root} exec {LAUNCHER} {write}"), false),
    ]);
    sh(&format!("umount {root}/usr"))?;
    sh(&format!("umount {root}/guardtest/tmpfs"))?;
    result
}

fn in_memory(_: &mut World) -> Result<()> {
    let write = write_p();
    expect(&[
        ("a copy at home", format!("exec-memory {LAUNCHER} {write}"), true),
        ("what a copy starts", format!("exec-memory {LAUNCHER} exec {ACT} {write}"), false),
        ("a copy elsewhere", format!("in-namespaces exec-memory {LAUNCHER} {write}"), false),
        ("a copy of a payload", format!("exec {ACT} exec-memory {LAUNCHER} {write}"), false),
    ])
}

/// Whoever comes in has the daemon walk to every task of every agent's cgroup.
fn in_memory_meanwhile(_: &mut World) -> Result<()> {
    let (place, elsewhere) = (Place::make("/boxes/launcher")?, Place::make("/boxes/meanwhile")?);
    let go = Spot::Tmpfs.w("go");
    crate::harness::fixture::reset(Spot::Tmpfs)?;
    let _ = fs::remove_file(&go);
    let mut actor = inside(&place, LAUNCHER)?;
    let line = format!("exec-memory {LAUNCHER} crowd 1 {go} {}", write_p());
    let copy = actor.order(&words(&line), How::Background)?.tid;
    until("the copy runs", LIMIT, || {
        Ok(fs::read_link(format!("/proc/{copy}/exe"))?.to_string_lossy().contains("memfd:"))
    })?;
    let other = outsider()?;
    enter(elsewhere.path(), other.pid())?;
    until("the daemon has walked", LIMIT, || Ok(entered()? == 0))?;
    fs::write(&go, "")?;
    until("the copy has written P", LIMIT, || Ok(fs::read(Spot::Tmpfs.p())? != WHOLE))
}

/// How many have come since the daemon walked.
fn entered() -> Result<u64> {
    let map = Map::from_map_data(MapData::from_pin(format!("{PINS}/maps/{}", name::ENTERED))?)?;
    Ok(Array::<_, u64>::try_from(&map)?.get(&0, 0)?)
}

fn copies(_: &mut World) -> Result<()> {
    let write = write_p();
    let place = Place::make("/boxes/copies")?;
    let mut actor = inside(&place, COPY)?;
    ensure!(!writes(&mut actor, &write, How::Here)?, "a copy that is moved in is taken for the launcher");
    drop(actor);
    expect(&[
        ("a copy", format!("exec {COPY} {write}"), false),
        ("another link", format!("exec {LINK} {write}"), false),
    ])
}

fn leaves(_: &mut World) -> Result<()> {
    let write = write_p();
    let place = Place::make("/boxes/left")?;
    let elsewhere = Place::make("/elsewhere")?;
    let mut actor = inside(&place, LAUNCHER)?;
    enter(elsewhere.path(), actor.pid())?;
    let line = format!("exec {ACT} {write}");
    ensure!(writes(&mut actor, &line, How::Apart)?, "what it starts outside is taken for the agent");
    Ok(())
}

fn script(_: &mut World) -> Result<()> {
    let path = "/usr/local/bin/guardtest-launch.sh";
    fs::write(path, "#!/bin/sh\nexec \"$@\"\n")?;
    give(path.as_ref(), 0o755)?;
    let text = super::POLICY.replace("\"/usr/bin/crun\"", &format!("\"{path}\""));
    fs::write("/etc/guard/script.toml", text)?;
    let said = guard::fails(&["policy", "apply", "/etc/guard/script.toml"])?.said();
    ensure!(said.contains("is a script"), "it does not say why: {said}");
    Ok(())
}
