//! Requests that lie in rings when an order comes, and whose time comes after it. The process's own task would do them,
//! a worker, or the thread that polls: none does when they are killed. While it is frozen the task does so all the same,
//! and is refused; what guard is not asked about it brings to its end.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use anyhow::{Result, ensure};
use nix::libc::O_NONBLOCK;

use crate::act::load::boot_ns;
use crate::harness::fixture::{self, PYTHON};
use crate::harness::shell::{sh, until};
use crate::harness::{Spot, Test, check};
use crate::kernel::halt::{Agent, order};

const SCRIPT: &str = include_str!("ring.py");
/// From the moment when the requests are queued until those that wait for a time come to it: longer than an order takes.
const SECONDS: u64 = 4;
/// What happens then has happened after this.
const SETTLE: Duration = Duration::from_millis(500);
/// What is waited for, and what is done then, to a file of that name.
const WAYS: [&str; 3] = ["fed", "timed", "stored"];
/// Who does it.
const DOERS: [&str; 3] = ["plain", "worker", "polled"];
/// A socket is read into memory that is a file's: the kernel asks guard about sending alone.
const UNASKED: &str = "received";

pub(super) fn all() -> Vec<Test> {
    vec![
        check("what_guard_is_asked_about_for_a_ring_has_no_effect_while_its_agent_is_frozen", |_| {
            late("freeze", |name| name != UNASKED)
        }),
        check("what_lies_in_a_ring_has_no_effect_when_its_agent_is_killed", |_| late("terminate", |_| true)),
    ]
}

/// An agent with its requests, and the outside ends of its pipes.
struct Queued {
    _agent: Agent,
    folder: String,
    fed: File,
    heard: File,
    told: UnixStream,
    due: u64,
}

impl Queued {
    fn start(name: &'static str) -> Result<Self> {
        let folder = Spot::Tmpfs.w(name);
        fixture::folder(&folder)?;
        let [fed, heard] = ["fed", "heard"].map(|name| format!("{folder}/{name}"));
        sh(&format!("mkfifo -m 666 {fed} {heard}"))?;
        for name in files() {
            fixture::put(format!("{folder}/{name}").as_ref(), &[0; 4096])?;
        }
        // For reading and writing: nobody waits for the other end.
        let pipe = |path| File::options().read(true).write(true).custom_flags(O_NONBLOCK).open(path);
        let (fed, heard) = (pipe(&fed)?, pipe(&heard)?);
        let name_of_door = format!("{folder}/told");
        let door = UnixListener::bind(&name_of_door)?;
        fixture::give(name_of_door.as_ref(), 0o777)?;
        let seconds = SECONDS.to_string();
        let agent = Agent::start(name, &["python3", "-B", "-c", SCRIPT, PYTHON, &folder, &seconds])?;
        let told = door.accept()?.0;
        told.set_nonblocking(true)?;
        let due = format!("{folder}/due");
        until("the requests are queued", Duration::from_secs(30), || Ok(fs::exists(&due)?))?;
        let due = fs::read_to_string(due)?.parse()?;
        Ok(Self { _agent: agent, folder, fed, heard, told, due })
    }

    /// Names of the files that changed, and of the pipe if somebody spoke into it.
    fn effects(&mut self) -> Result<Vec<String>> {
        let mut names = files();
        names.retain(|name| {
            fs::read(format!("{}/{name}", self.folder))
                .map_or(true, |bytes| bytes.iter().any(|byte| *byte != 0))
        });
        let spoken = [self.heard.read(&mut [0; 64]), self.told.read(&mut [0; 64])];
        let heard = ["heard", "told"].into_iter().zip(spoken).filter(|(_, spoken)| matches!(spoken, Ok(1..)));
        names.extend(heard.map(|(name, _)| name.to_owned()));
        Ok(names)
    }
}

fn files() -> Vec<String> {
    let ways = WAYS.iter().flat_map(|way| DOERS.map(|doer| format!("{way}-{doer}")));
    ways.chain(["received".to_owned()]).collect()
}

/// Nothing that counts of what one without an order does all of.
fn late(mode: &str, counts: fn(&str) -> bool) -> Result<()> {
    let (mut free, mut halted) = (Queued::start("unhindered")?, Queued::start("halted")?);
    order("halted", mode)?;
    ensure!(boot_ns()? < halted.due, "the order took until the time had come");
    let before = halted.effects()?;
    for queued in [&mut free, &mut halted] {
        queued.fed.write_all(&[1; DOERS.len()])?;
    }
    std::thread::sleep(Duration::from_nanos(halted.due - boot_ns()?) + SETTLE);
    let (all, mut late) = (free.effects()?, halted.effects()?);
    println!("# with the order to {mode} there came later {late:?}");
    late.retain(|name| counts(name));
    ensure!(all.len() == files().len() + 2, "control: without an order there is only {all:?}");
    ensure!(before.is_empty() && late.is_empty(), "with the order {before:?}, and later {late:?}");
    Ok(())
}
