//! The table of docs/FAIL-CLOSED.md: each place where the kernel can fail the programs, made to fail, and what becomes
//! of each kind of act. Everybody else notices nothing.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};
use aya::maps::{Array, Map, MapData};
use guard_common::fault::Fault;
use guard_common::map::name;

use crate::harness::fixture::{RULED, put};
use crate::harness::guard::{Daemon, PINS, POLICY};
use crate::harness::server::A4;
use crate::harness::world::Side;
use crate::harness::{Spot, Test, Who, World, act, check, guard};
use crate::kernel::apply::with;
use crate::kernel::enrol::under_faults;

/// What users are told.
const TABLE: &str = include_str!("../../../docs/FAIL-CLOSED.md");

pub(super) fn all() -> Vec<Test> {
    vec![check("whatever_fails_refuses_agents_and_nobody_else", every_fault)]
}

/// Acts that an agent may do, each with new objects: what is kept from before does not fail.
fn acts() -> [(&'static str, String); 8] {
    let fresh = Spot::Tmpfs.w("fresh");
    [
        ("read", format!("read {fresh}")),
        ("create", format!("create {}", Spot::Tmpfs.w("made"))),
        ("unlink", format!("unlink {fresh}")),
        ("exec", format!("exec {RULED} true")),
        ("fork", "forked".to_owned()),
        ("connect", format!("tcp {A4}")),
        ("send", format!("udp {A4}")),
        ("unix", format!("unix-stream {}", Spot::Tmpfs.w("sockets/stream"))),
    ]
}

/// Faults that none of these acts can meet: they are met in threads that are walked to, by other objects, and in cgroups
/// that are enrolled, which have their own cases.
const ELSEWHERE: [Fault; 5] =
    [Fault::LabelEnter, Fault::LabelExisting, Fault::OwnerNote, Fault::LabelExec, Fault::NoSlot];

fn every_fault(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    world.perform(Side::Outside, Who::User, &act("nothing"))?;
    // With a digest in it that no program has, digests are taken.
    let digests = format!("[zones.known]\ndigests = [\"sha256:{}\"]\n", "00".repeat(32));
    fs::write("/etc/guard/faulty.toml", with(&digests))?;
    world.take_daemon()?.kill()?;
    world.put_daemon(Daemon::start_faulty()?);
    guard::ok(&["policy", "apply", "/etc/guard/faulty.toml"])?;
    let table = tabulate(world);
    inject(0)?;
    let enrolled = under_faults(world);
    // Who comes after has these programs: to load others takes long.
    guard::ok(&["policy", "apply", POLICY])?;
    enrolled?;
    let table = table?;
    for line in table.lines() {
        ensure!(TABLE.contains(line), "docs/FAIL-CLOSED.md should have this table:\n{table}");
    }
    Ok(())
}

fn tabulate(world: &mut World) -> Result<String> {
    let mut table = String::from("| fault |");
    acts().iter().for_each(|(name, _)| table.push_str(&format!(" {name} |")));
    table.push('\n');
    let faults = Fault::ALL.iter().filter(|fault| !ELSEWHERE.contains(fault));
    for fault in faults {
        write!(table, "| `{}` |", fault.name())?;
        let before = counted(*fault)?;
        for (name, line) in acts() {
            write!(table, " {} |", outcome(world, *fault, name, &line)?)?;
        }
        table.push('\n');
        ensure!(counted(*fault)? > before, "{} was injected, and never met", fault.name());
    }
    Ok(table)
}

/// What becomes of an act under a fault; nobody else's may be refused.
fn outcome(world: &mut World, fault: Fault, name: &str, line: &str) -> Result<&'static str> {
    let prepare = || -> Result<()> {
        inject(0)?;
        let _ = fs::remove_file(Spot::Tmpfs.w("made"));
        let _ = fs::remove_file(Spot::Tmpfs.w("fresh"));
        put(Spot::Tmpfs.w("fresh").as_ref(), b"new")?;
        renew(RULED)?;
        inject(1 << fault.raw())
    };
    prepare()?;
    let outside = world.perform(Side::Outside, Who::User, &act(line))?;
    ensure!(outside.code == 0 && outside.signal == 0, "{name} outside any agent: {outside:?}");
    prepare()?;
    let inside =
        if ["exec", "fork"].contains(&name) { world.inside_only(line)? } else { world.here_only(line)? };
    inject(0)?;
    Ok(match (inside.code, inside.signal) {
        (0, 0) => "as ever",
        (_, nix::libc::SIGKILL) => "killed",
        (nix::libc::EACCES, 0) => "refused",
        other => anyhow::bail!("{name} under {} ended with {other:?}", fault.name()),
    })
}

/// Puts another file with the same bytes in a program's place.
fn renew(program: &str) -> Result<()> {
    let beside = format!("{program}.new");
    fs::copy(program, &beside)?;
    fs::rename(&beside, program).with_context(|| format!("cannot replace {program}"))
}

pub(crate) fn inject(faults: u64) -> Result<()> {
    let data = MapData::from_pin(format!("{PINS}/maps/{}", name::INJECTED)).context("the map of faults")?;
    let mut map = Map::from_map_data(data)?;
    Ok(Array::<_, u64>::try_from(&mut map)?.set(0, faults, 0)?)
}

/// How often a fault was met so far.
pub(crate) fn counted(fault: Fault) -> Result<u64> {
    // It says that not everything is in force, and ends accordingly.
    let status: serde_json::Value = serde_json::from_str(&guard::guard(&["status", "--json"])?.out)?;
    let own = format!("{}:", fault.name());
    let faults = status["faults"].as_array().cloned().unwrap_or_default();
    let count = |row: &serde_json::Value| {
        row[0].as_str().filter(|name| name.starts_with(&own)).and_then(|_| row[1].as_u64())
    };
    Ok(faults.iter().filter_map(count).sum())
}
