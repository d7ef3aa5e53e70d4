//! The table of docs/FAIL-CLOSED.md: each place where the kernel can fail the programs, made to fail, and what becomes
//! of each kind of act. Everybody else notices nothing.

mod acts;

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};
use aya::maps::{Array, HashMap, Map, MapData};
use guard_common::fault::Fault;
use guard_common::map::name;
use nix::libc::{EACCES, SIGKILL};

use self::acts::{How, Row};
use crate::act::serve::Outcome;
use crate::harness::fixture::{RULED, folder, put};
use crate::harness::guard::{Daemon, PINS, POLICY};
use crate::harness::world::Side;
use crate::harness::{Effect, Spot, Test, Who, World, act, check, guard};
use crate::kernel::apply::with;
use crate::kernel::enrol::under_faults;

/// What users are told.
const TABLE: &str = include_str!("../../../../docs/FAIL-CLOSED.md");

/// What agents may do here beyond the suite's policy: what has no other act that is allowed.
const MORE: &str = r#"
[[edges]]
profile = "suite"
zone = "host"
allow = ["admin"]

[[edges]]
profile = "suite"
zone = "memory"
allow = ["exec"]
"#;

pub(super) fn all() -> Vec<Test> {
    vec![check("whatever_fails_refuses_agents_and_nobody_else", every_fault)]
}

/// Faults that none of these acts can meet: they are met in threads that are walked to, and in cgroups that are
/// enrolled, which have their own cases.
const ELSEWHERE: [Fault; 4] = [Fault::LabelEnter, Fault::LabelExisting, Fault::LabelExec, Fault::NoSlot];

/// Faults that cost no act anything, but what is told of it, or what would be faster the next time: they have no
/// column.
const WITHOUT_EFFECT: [Fault; 2] = [Fault::RingFull, Fault::ZoneKeep];

fn every_fault(world: &mut World) -> Result<()> {
    for side in [Side::Inside, Side::Outside] {
        world.perform(side, Who::User, &act("nothing"))?;
        world.perform(side, Who::User, &act("!os.getpid"))?;
    }
    // With a digest in it that no program has, digests are taken.
    let digests = format!("[zones.known]\ndigests = [\"sha256:{}\"]\n", "00".repeat(32));
    fs::write("/etc/guard/faulty.toml", with(&format!("{digests}{MORE}")))?;
    world.take_daemon()?.kill()?;
    world.put_daemon(Daemon::start_faulty()?);
    guard::ok(&["policy", "apply", "/etc/guard/faulty.toml"])?;
    let table = tabulate(world);
    inject(0)?;
    let unnoted = table.is_ok().then(|| unnoted(world));
    inject(0)?;
    let enrolled = under_faults(world);
    // Who comes after has these programs: to load others takes long.
    guard::ok(&["policy", "apply", POLICY])?;
    let table = table?;
    unnoted.transpose()?;
    enrolled?;
    for line in table.lines() {
        ensure!(TABLE.contains(line), "docs/FAIL-CLOSED.md should have this table:\n{table}");
    }
    Ok(())
}

fn tabulate(world: &mut World) -> Result<String> {
    let faults: Vec<Fault> = Fault::ALL.iter().copied().filter(|fault| !ELSEWHERE.contains(fault)).collect();
    let before = faults.iter().map(|fault| counted(*fault)).collect::<Result<Vec<_>>>()?;
    let (mut table, mut wrong) = (String::from("| act |"), Vec::new());
    for fault in faults.iter().filter(|fault| !WITHOUT_EFFECT.contains(fault)) {
        write!(table, " `{}` |", fault.name())?;
    }
    table.push('\n');
    for row in acts::all() {
        // Who waits for connections takes them when he is asked, and has room for so many.
        world.look(&Effect::ReachedAllowed)?;
        world.look(&Effect::ReachedAllowedName)?;
        unhindered(world, &row).with_context(|| format!("{} outside any agent", row.name))?;
        write!(table, "| {} |", row.name)?;
        for fault in &faults {
            match (cell(world, *fault, &row), WITHOUT_EFFECT.contains(fault)) {
                (Ok(cell), false) => write!(table, " {cell} |")?,
                (Ok("–"), true) => {}
                (Ok(cell), true) => wrong.push(format!("{} under {}: {cell}", row.name, fault.name())),
                (Err(error), _) => wrong.push(format!("{} under {}: {error:#}", row.name, fault.name())),
            }
        }
        table.push('\n');
    }
    ensure!(wrong.is_empty(), "{}\n{table}", wrong.join("\n"));
    // It says that not everything is in force, and ends accordingly.
    let status = guard::guard(&["status", "--json"])?.out;
    for (fault, before) in faults.iter().zip(before) {
        ensure!(counted(*fault)? > before, "{} was injected, and never met", fault.name());
        ensure!(status.contains(&format!("{}:", fault.name())), "status does not count {}", fault.name());
    }
    Ok(table)
}

/// Nobody else's act is refused, whatever fails: it comes to none of these places.
fn unhindered(world: &mut World, row: &Row) -> Result<()> {
    let before = met(|_| true)?;
    let faults = Fault::ALL.iter().fold(0, |faults, fault| faults | 1 << fault.raw());
    let outside = attempt(world, Side::Outside, faults, row)?;
    ensure!(is_done(&outside), "it ended with {outside:?}");
    ensure!(met(|_| true)? == before, "it met a fault");
    Ok(())
}

/// What becomes of an agent's act under a fault.
fn cell(world: &mut World, fault: Fault, row: &Row) -> Result<&'static str> {
    let before = counted(fault)?;
    let inside = attempt(world, Side::Inside, 1 << fault.raw(), row)?;
    let is_met = counted(fault)? > before;
    ensure!(is_met || is_done(&inside), "the fault was not met, and it ended with {inside:?}");
    Ok(match (inside.code, inside.signal) {
        (0, 0) => {
            ensure!(!is_met || WITHOUT_EFFECT.contains(&fault), "it was met, and the act went on");
            "–"
        }
        (0, SIGKILL) => "killed",
        (code, 0) if code == row.errno => "refused",
        _ => anyhow::bail!("it ended with {inside:?}"),
    })
}

fn is_done(outcome: &Outcome) -> bool {
    (outcome.code, outcome.signal) == (0, 0)
}

/// One try, under faults that begin with the act.
fn attempt(world: &mut World, side: Side, faults: u64, row: &Row) -> Result<Outcome> {
    make_anew(row)?;
    let Some(steps) = row.line.strip_prefix('!') else {
        forget_places()?;
        inject(faults)?;
        let outcome = match (row.how, side) {
            (How::Here, _) => world.here_only(side, &row.line),
            (How::Apart, Side::Inside) => world.inside_only(&row.line),
            (How::Apart, Side::Outside) => world.perform(side, Who::User, &act(&row.line)),
        };
        inject(0)?;
        return outcome;
    };
    let prepared = world.here_only(side, &format!("!fault.prepare {steps}"))?;
    ensure!(is_done(&prepared), "it cannot be prepared: {prepared:?}");
    forget_places()?;
    inject(faults)?;
    let outcome = world.here_only(side, "!fault.act");
    inject(0)?;
    let ended = world.here_only(side, "!fault.end")?;
    ensure!(is_done(&ended), "it cannot be undone: {ended:?}");
    outcome
}

/// New objects: what the programs keep about those of before does not fail.
fn make_anew(row: &Row) -> Result<()> {
    for spot in [Spot::Tmpfs, Spot::Ext4] {
        let made = spot.w("made");
        let _ = fs::remove_file(&made).or_else(|_| fs::remove_dir(&made));
        let _ = fs::remove_file(spot.w("fresh"));
        put(spot.w("fresh").as_ref(), b"new")?;
        folder(&spot.w("folder"))?;
    }
    if row.line.contains(RULED) { renew(RULED) } else { Ok(()) }
}

/// Puts another file with the same bytes in a program's place.
fn renew(program: &str) -> Result<()> {
    let beside = format!("{program}.new");
    fs::copy(program, &beside)?;
    fs::rename(&beside, program).with_context(|| format!("cannot replace {program}"))
}

/// A folder that is moved, whichever, begins another epoch: every place is looked for again.
fn forget_places() -> Result<()> {
    let [one, other] = ["/tmp/guardtest-here", "/tmp/guardtest-there"];
    fs::create_dir_all(one)?;
    fs::rename(one, other)?;
    Ok(fs::remove_dir(other)?)
}

/// Whose maker could not be noted stays out of its maker's reach; what is made later is not.
fn unnoted(world: &mut World) -> Result<()> {
    let mut here = |line: &str| Ok::<_, anyhow::Error>(world.here_only(Side::Inside, line)?.code);
    inject(1 << Fault::OwnerNote.raw())?;
    ensure!(here("!fault.make_segment")? == 0, "it was not made");
    inject(0)?;
    let later = here("!fault.use_segment")?;
    ensure!(later == EACCES, "memory whose maker was not noted: {later}");
    ensure!(here("!fault.make_segment")? == 0 && here("!fault.use_segment")? == 0, "over-blocked");
    Ok(())
}

pub(crate) fn inject(faults: u64) -> Result<()> {
    let data = MapData::from_pin(format!("{PINS}/maps/{}", name::INJECTED)).context("the map of faults")?;
    let mut map = Map::from_map_data(data)?;
    Ok(Array::<_, u64>::try_from(&mut map)?.set(0, faults, 0)?)
}

/// How often a fault was met so far.
pub(crate) fn counted(fault: Fault) -> Result<u64> {
    met(|place| place == u32::from(fault.raw()))
}

/// How often faults were met so far, by their numbers.
fn met(is_wanted: impl Fn(u32) -> bool) -> Result<u64> {
    let data = MapData::from_pin(format!("{PINS}/maps/{}", name::FAULTS)).context("the counts of faults")?;
    let map = Map::from_map_data(data)?;
    let rows = HashMap::<_, u32, u64>::try_from(&map)?;
    let mut sum = 0;
    for row in rows.iter() {
        let (key, count) = row?;
        sum += if is_wanted(key >> 16) { count } else { 0 };
    }
    Ok(sum)
}
