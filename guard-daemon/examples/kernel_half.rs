//! Proves on a real kernel what `kernel` promises and no unit test can: fresh start, adoption, take-over without
//! a gap, policy pushes without a mixture, labels for threads that were there before, rings without a hole.
//! Run it as root on a host of its own: `cargo xtask vm -- target/release/examples/kernel_half`.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use guard::kernel::{
    Cgroups, Decoded, Heard, How, LogLevel, Maps, PinFolder, RingReader, boot_ns, probe, run_enrol_iterator,
    take_up,
};
use guard::model::action::Object;
use guard::policy::rows::{InodeKey, Rows};
use guard_common::event::Ring;
use guard_common::map::cell::Cell;
use guard_common::map::label::Label;
use guard_common::map::switch::{KILL_ALL, KillMode};
use guard_common::map::zone::Mark;
use guard_common::{Operation, Reason, Surface, Verdict, ZoneId};

type Done = Result<(), Box<dyn Error>>;

const SLOT: u32 = 7;
const PROFILE: u16 = 1;
const FORBIDDEN: u16 = ZoneId::POLICY_FIRST.0;

fn main() -> Done {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("agent") => agent(Path::new(&arguments[2]), arguments[3].parse()?),
        Some("doctor") => doctor(),
        Some("up") => {
            let began = Instant::now();
            drop(probe::host());
            println!("probed in {:?}", began.elapsed());
            let taken = take_up(&PinFolder::default(), LogLevel::from_environment()?)?;
            println!("{:?} {:?}", taken.how, taken.missing);
            Ok(())
        }
        _ => tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(scenario()),
    }
}

fn doctor() -> Done {
    for check in probe::host().into_iter().chain(probe::enforcement(&PinFolder::default())) {
        let mend = check.mend.map(|mend| format!("\n     mend: {mend}")).unwrap_or_default();
        println!("{} {}: {}{mend}", if check.ok { "ok  " } else { "FAIL" }, check.name, check.found);
    }
    Ok(())
}

/// Tries the forbidden and the allowed file in turn, in several threads, from the first line on standard input
/// until the second; then says how often each went wrong.
fn agent(folder: &Path, threads: usize) -> Done {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
    static STOP: AtomicBool = AtomicBool::new(false);
    static GO: AtomicBool = AtomicBool::new(false);
    static TRIES: AtomicU64 = AtomicU64::new(0);
    static LEAKS: AtomicU64 = AtomicU64::new(0);
    static OVERBLOCKED: AtomicU64 = AtomicU64::new(0);
    let (forbidden, allowed) = (folder.join("forbidden/secret"), folder.join("allowed/file"));
    let tries = move || {
        while !GO.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        while !STOP.load(SeqCst) {
            TRIES.fetch_add(1, SeqCst);
            LEAKS.fetch_add(u64::from(fs::File::open(&forbidden).is_ok()), SeqCst);
            OVERBLOCKED.fetch_add(u64::from(fs::File::open(&allowed).is_err()), SeqCst);
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    let workers: Vec<_> = (0..threads).map(|_| std::thread::spawn(tries.clone())).collect();
    println!("ready");
    let mut lines = std::io::stdin().lines();
    lines.next();
    GO.store(true, SeqCst);
    lines.next();
    STOP.store(true, SeqCst);
    for worker in workers {
        worker.join().map_err(|_| "a thread of the agent panicked")?;
    }
    println!("{} {} {}", TRIES.load(SeqCst), LEAKS.load(SeqCst), OVERBLOCKED.load(SeqCst));
    Ok(())
}

/// A running agent process.
struct Agent {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What an agent reported: tries, forbidden opens that worked, allowed opens that failed.
#[derive(Debug)]
struct Report {
    tries: u64,
    leaks: u64,
    overblocked: u64,
}

impl Agent {
    fn start(folder: &Path, threads: usize) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["agent".as_ref(), folder.as_os_str(), threads.to_string().as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        output.read_line(&mut String::new())?;
        Ok(Self { child, input, output })
    }

    fn go(&mut self) -> Done {
        Ok(writeln!(self.input, "go")?)
    }

    fn stop(mut self) -> Result<Report, Box<dyn Error>> {
        writeln!(self.input, "stop")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        self.child.wait()?;
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [tries, leaks, overblocked] = numbers[..] else {
            return Err(format!("agent said {line:?}").into());
        };
        Ok(Report { tries, leaks, overblocked })
    }
}

fn key(path: &Path) -> Result<InodeKey, Box<dyn Error>> {
    let metadata = fs::metadata(path)?;
    let dev = metadata.dev();
    let (major, minor) = (nix::sys::stat::major(dev), nix::sys::stat::minor(dev));
    Ok((u32::try_from(major << 20 | minor)?, metadata.ino()))
}

/// Everything is allowed everywhere, but nothing in the forbidden folder.
fn policy(forbidden: InodeKey) -> Result<Rows, Box<dyn Error>> {
    let all =
        Surface::ALL.iter().fold(Cell::default(), |cell, surface| cell.with(*surface, Some(Verdict::Allow)));
    let none =
        Surface::ALL.iter().fold(Cell::default(), |cell, surface| cell.with(*surface, Some(Verdict::Deny)));
    let open = [ZoneId::ELSEWHERE, ZoneId::ANONYMOUS, ZoneId::WORK, ZoneId::TEMP];
    let mut cells: Vec<_> = open.iter().map(|zone| (PROFILE, zone.0, all)).collect();
    cells.push((PROFILE, FORBIDDEN, none));
    // A file system whose root has no mark is one that the policy does not know.
    let mut marks = vec![(forbidden, Mark { zone: FORBIDDEN, flags: 0 })];
    for root in ["/", "/run"] {
        marks.push((key(Path::new(root))?, Mark { zone: ZoneId::ELSEWHERE.0, flags: 0 }));
    }
    Ok(Rows { cells, marks, ..Rows::default() })
}

struct Stage {
    pins: PinFolder,
    folder: PathBuf,
    rows: Rows,
}

fn expect(what: &str, fine: bool) -> Done {
    println!("{} {what}", if fine { "ok  " } else { "FAIL" });
    if fine { Ok(()) } else { Err(what.to_owned().into()) }
}

async fn scenario() -> Done {
    for check in probe::host() {
        expect(&format!("{}: {}", check.name, check.found), check.ok)?;
    }
    let folder = PathBuf::from("/run/guard-kernel-half");
    for name in ["forbidden", "allowed"] {
        fs::create_dir_all(folder.join(name))?;
    }
    fs::write(folder.join("forbidden/secret"), "secret")?;
    fs::write(folder.join("allowed/file"), "file")?;
    let rows = policy(key(&folder.join("forbidden"))?)?;
    let stage = Stage { pins: PinFolder::default(), folder, rows };

    let began = Instant::now();
    let taken = take_up(&stage.pins, LogLevel::from_environment()?)?;
    println!("     took {:?}", began.elapsed());
    expect(&format!("fresh start: {:?}, missing {:?}", taken.how, taken.missing), taken.how == How::Fresh)?;
    for check in probe::enforcement(&stage.pins) {
        if !check.ok {
            expect(&format!("{}: {}", check.name, check.found), false)?;
        }
    }
    let mut maps = taken.maps;
    expect("no generation before the first push", maps.generation() == 0)?;
    let mut denies = RingReader::open(&stage.pins, Ring::Deny, [])?;
    let mut allows = RingReader::open(&stage.pins, Ring::Allow, [])?;

    labels(&stage, &mut maps)?;
    maps = pushes_and_takeovers(&stage, maps)?;
    maps = foreign_pins(&stage, maps)?;
    refusals(&mut denies, &mut allows, &maps).await?;
    kill(&stage, &mut maps)?;

    stage.pins.teardown()?;
    expect("teardown leaves no pin", !stage.pins.root().exists())?;
    let cgroups = Cgroups::open()?;
    for cgroup in cgroups.all()? {
        cgroup.remove()?;
    }
    fs::remove_dir_all(&stage.folder)?;
    println!("all well");
    Ok(())
}

/// An agent whose process is moved into its cgroup.
fn enrolled(stage: &Stage, maps: &mut Maps, threads: usize) -> Result<Agent, Box<dyn Error>> {
    for (ended, _) in maps.cgroups()? {
        maps.unregister_cgroup(ended)?;
    }
    let cgroup = Cgroups::open()?.create("kernel-half", SLOT)?;
    maps.register_cgroup(cgroup.id(), Label { agent: SLOT, profile: PROFILE, ..Label::default() })?;
    let agent = Agent::start(&stage.folder, threads)?;
    cgroup.admit(agent.child.id())?;
    run_enrol_iterator(&stage.pins)?;
    expect("the agent is in its cgroup", cgroup.pids()? == [agent.child.id()] && cgroup.populated()?)?;
    Ok(agent)
}

fn labels(stage: &Stage, maps: &mut Maps) -> Done {
    let mut outsider = Agent::start(&stage.folder, 2)?;
    let mut agent = enrolled(stage, maps, 4)?;
    agent.go()?;
    outsider.go()?;
    std::thread::sleep(Duration::from_millis(300));
    let (inside, outside) = (agent.stop()?, outsider.stop()?);
    expect(
        &format!("without a policy agents may nothing: {inside:?}"),
        inside.leaks == 0 && inside.overblocked == inside.tries,
    )?;
    expect(
        &format!("outsiders suffer nothing: {outside:?}"),
        outside.leaks == outside.tries && outside.overblocked == 0,
    )?;

    let generation = maps.install_policy(&stage.rows, &[])?;
    expect("the first generation is 1", generation == 1 && maps.generation() == 1)?;
    let mut agent = enrolled(stage, maps, 4)?;
    agent.go()?;
    std::thread::sleep(Duration::from_millis(500));
    let report = agent.stop()?;
    let fine = report.tries > 20 && report.leaks == 0 && report.overblocked == 0;
    expect(&format!("every thread that was there before is labelled: {report:?}"), fine)
}

/// All this under an agent that tries without pause: not one try may come through, none be refused wrongly.
fn pushes_and_takeovers(stage: &Stage, mut maps: Maps) -> Result<Maps, Box<dyn Error>> {
    let mut agent = enrolled(stage, &mut maps, 3)?;
    agent.go()?;

    let began = Instant::now();
    for _ in 0..10 {
        maps.install_policy(&stage.rows, &[])?;
    }
    println!("     10 pushes took {:?}", began.elapsed());
    let mut full = stage.rows.clone();
    full.names = (0..3000)
        .map(|n: u32| {
            (
                guard_common::map::zone::NameKind::Exact,
                n.to_string().into_bytes(),
                Mark { zone: FORBIDDEN, flags: 0 },
            )
        })
        .collect();
    maps.install_policy(&full, &[])?;
    let before = maps.generation();
    let refused = maps.install_policy(&full, &[]).map_err(|error| error.to_string());
    println!("     {refused:?}");
    expect(
        "a policy that does not fit leaves the old one in force",
        refused.is_err() && maps.generation() == before,
    )?;
    maps.install_policy(&stage.rows, &[])?;
    drop(maps);

    let log = LogLevel::from_environment()?;
    let again = take_up(&stage.pins, log)?;
    expect(&format!("a second daemon adopts: {:?}", again.how), again.how == How::Adopted)?;
    expect("with the generation in force", again.maps.generation() == before + 1)?;
    expect("and with the agents", again.maps.cgroups()?.len() == 1)?;
    drop(again);

    fs::remove_file(stage.pins.link("path_unlink"))?;
    let again = take_up(&stage.pins, log)?;
    expect(
        &format!("a lost link is completed: {:?}", again.how),
        again.how == How::Completed { missing: vec!["link path_unlink".to_owned()] },
    )?;
    drop(again);

    fs::remove_file(stage.pins.map("LABELS"))?;
    fs::remove_file(stage.pins.map("MARKS"))?;
    let again = take_up(&stage.pins, log)?;
    expect(
        &format!("lost pins of maps are found again: {:?}", again.how),
        matches!(&again.how, How::Completed { missing } if missing.len() == 2),
    )?;
    expect("with the generation in force", again.maps.generation() == before + 1)?;
    drop(again);

    fs::remove_file(stage.pins.map("META"))?;
    let began = Instant::now();
    let again = take_up(&stage.pins, log)?;
    let what = format!("programs of unknown origin are replaced: {:?} in {:?}", again.how, began.elapsed());
    expect(&what, again.how == How::Replaced { renewed: vec![] })?;
    let maps = take_up(&stage.pins, log)?.maps;
    let report = agent.stop()?;
    let fine = report.tries > 50 && report.leaks == 0 && report.overblocked == 0;
    expect(&format!("through all this no gap and no mixture: {report:?}"), fine)?;
    Ok(maps)
}

/// Pins that belong to other maps than the programs use.
fn foreign_pins(stage: &Stage, maps: Maps) -> Result<Maps, Box<dyn Error>> {
    let before = maps.generation();
    drop(maps);
    fs::rename(stage.pins.map("SURFACES_OFF"), stage.pins.map("LABELS"))?;
    fs::rename(stage.pins.map("COUNTS"), stage.pins.map("CHILDREN"))?;
    let again = take_up(&stage.pins, LogLevel::Off)?;
    let whole = matches!(&again.how, How::Completed { missing } if missing.len() == 4);
    expect(&format!("pins of other maps are put right: {:?}", again.how), whole)?;
    expect("with the generation in force", again.maps.generation() == before)?;
    drop(again);

    let began = Instant::now();
    let again = take_up(&stage.pins, LogLevel::Debug)?;
    let what = format!(
        "programs that say nothing are replaced by ones that do: {:?} in {:?}",
        again.how,
        began.elapsed()
    );
    expect(&what, again.how == How::Replaced { renewed: vec![] })?;
    expect("with the generation in force", again.maps.generation() == before)?;
    Ok(again.maps)
}

async fn refusals(denies: &mut RingReader, allows: &mut RingReader, maps: &Maps) -> Done {
    let (mut opens, mut garbled, mut example) = (0_u64, 0_u64, None);
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut last = Instant::now();
    while last.elapsed() < Duration::from_millis(500) && Instant::now() < deadline {
        let heard = tokio::time::timeout(Duration::from_millis(100), denies.hear(boot_ns)).await;
        let Ok(heard) = heard else { continue };
        last = Instant::now();
        for event in heard? {
            match event {
                Heard::Event(Decoded::Decision(action)) => {
                    opens += u64::from(
                        action.operation == Operation::Open && action.kernel.verdict == Verdict::Deny,
                    );
                    if action.kernel.reason == Reason::EdgeDenies {
                        example.get_or_insert(action);
                    }
                }
                Heard::Event(Decoded::Entered(_)) => {}
                Heard::Garbled(error) => {
                    garbled += 1;
                    println!("     {error}");
                }
            }
        }
    }
    let action = example.ok_or("no refused open was heard")?;
    println!("     {action:?}");
    let secret = matches!(&action.object, Object::File { path, .. } if path == "/run/guard-kernel-half/forbidden/secret");
    expect("with the object's path", secret)?;
    expect(&format!("refusals are heard: {opens} opens"), opens > 0)?;
    let mut allowed = 0;
    loop {
        let heard = allows.hear_now(boot_ns);
        if heard.is_empty() {
            break;
        }
        for event in heard {
            if let Heard::Garbled(error) = event {
                garbled += 1;
                println!("     {error}");
            } else {
                allowed += 1;
            }
        }
    }
    expect(&format!("allows and enrolments are heard: {allowed}"), allowed > 0)?;
    expect("every event is understood", garbled == 0)?;
    let mut missing = 0;
    for ring in [denies, allows] {
        let counters = maps.sequences(ring.ring())?;
        let mut gaps = ring.gaps(&counters, boot_ns);
        tokio::time::sleep(Duration::from_millis(1200)).await;
        gaps.extend(ring.gaps(&counters, boot_ns));
        println!("     {:?}: the kernel counted {counters:?}, gaps {gaps:?}", ring.ring());
        missing += gaps.iter().map(|gap| gap.to - gap.from + 1).sum::<u64>();
    }
    for count in maps.counts()?.iter().filter(|count| count.allowed + count.denied > 0) {
        println!("     {count:?}");
    }
    println!("     faults {:?}", maps.faults()?);
    let lost: u64 = maps.counts()?.iter().map(|count| count.lost).sum();
    expect(&format!("every lost event is in a gap: {missing} missing, {lost} lost"), missing == lost)
}

fn kill(stage: &Stage, maps: &mut Maps) -> Done {
    maps.beat(boot_ns())?;
    expect("the heartbeat is kept", maps.last_beat()? > 0)?;
    let mut switches = guard::kernel::switches::open_pinned()?;
    let mut agent = enrolled(stage, maps, 1)?;
    switches.set_kill_mode(SLOT, KillMode::Freeze)?;
    agent.go()?;
    std::thread::sleep(Duration::from_millis(200));
    let report = agent.stop()?;
    expect(
        &format!("a killed agent may nothing: {report:?}"),
        report.overblocked == report.tries && report.tries > 0,
    )?;
    expect("and is listed", switches.killed()? == [(SLOT, KillMode::Freeze)])?;
    switches.set_kill_mode(SLOT, KillMode::Run)?;
    switches.set_kill_mode(KILL_ALL, KillMode::Run)?;

    switches.set_surface(Surface::Read, false)?;
    expect("a surface is off", switches.surfaces_off()? == [Surface::Read])?;
    let mut agent = enrolled(stage, maps, 1)?;
    agent.go()?;
    std::thread::sleep(Duration::from_millis(200));
    let report = agent.stop()?;
    switches.set_surface(Surface::Read, true)?;
    expect(&format!("and nothing is read through it: {report:?}"), report.overblocked == report.tries)?;

    let cgroup = Cgroups::open()?.create("kernel-half", SLOT)?;
    let label = Label { agent: SLOT, profile: PROFILE, ..Label::default() };
    maps.register_cgroup(cgroup.id(), label)?;
    let mut victim = Command::new("sleep").arg("100").spawn()?;
    cgroup.admit(victim.id())?;
    cgroup.freeze(true)?;
    let began = Instant::now();
    while !cgroup.frozen()? && began.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(10));
    }
    expect("a cgroup freezes", cgroup.frozen()?)?;
    expect("a populated cgroup is not removed", cgroup.remove().is_err())?;
    cgroup.kill()?;
    victim.wait()?;
    maps.unregister_cgroup(cgroup.id())?;
    cgroup.remove()?;
    expect(
        "a removed cgroup says so",
        cgroup.pids().is_err_and(|error| error.to_string().contains("vanished")),
    )
}
