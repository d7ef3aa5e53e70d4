//! What goes on without a call that could be refused, or without a process that could be asked: a kill order ends it.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::apply::{under, with};
use crate::act::load::boot_ns;
use crate::harness::bystander::{seen, stands_by};
use crate::harness::case::Undo;
use crate::harness::fixture::{ACT, PYTHON};
use crate::harness::guard::enter;
use crate::harness::shell::until;
use crate::harness::{Spot, Test, Who, World, check, guard};

/// Where uploads go: to a peer that the policy allows.
const SINK: &str = "127.0.0.1:7200";
/// Where agents' cgroups are.
const CGROUPS: &str = "/sys/fs/cgroup/guard";
/// What is on its way when the order returns has arrived after this.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

pub(super) fn all() -> Vec<Test> {
    vec![
        check("an_upload_ends_with_the_order", |_| upload("upload", TERMINATE)),
        check("an_upload_of_file_pages_ends_with_the_order", |_| upload("upload-pages", TERMINATE)),
        check("an_upload_out_of_a_pipe_ends_with_the_order", |_| upload("upload-pipe", FREEZE)),
        check("an_upload_from_outside_the_cgroup_ends_with_the_order", |_| from_outside("upload", FREEZE)),
        check("an_upload_of_file_pages_from_outside_the_cgroup_ends_with_the_order", |_| {
            from_outside("upload-pages", FREEZE)
        }),
        check("an_upload_ends_when_nobody_may_connect", |_| switched_off("upload")),
        check("an_upload_of_file_pages_ends_when_nobody_may_connect", |_| switched_off("upload-pages")),
        check("an_upload_out_of_a_pipe_ends_when_nobody_may_connect", |_| switched_off("upload-pipe")),
        check("memory_shared_with_a_file_is_not_changed_after_the_order", |_| shared_memory("terminate")),
        check("memory_shared_with_a_file_is_not_changed_while_its_agent_is_frozen", |_| {
            shared_memory("freeze")
        }),
        check("whoever_is_stopped_traced_waiting_or_on_his_own_is_killed", unwilling),
        check("a_frozen_agent_is_killed", frozen),
        check("an_agent_in_a_frozen_cgroup_is_killed", in_frozen_cgroup),
    ]
}

/// An agent, and what is left of it cleared away.
pub(super) struct Agent {
    name: &'static str,
    child: Child,
}

impl Agent {
    pub(super) fn start(name: &'static str, words: &[&str]) -> Result<Self> {
        Self::start_as(Who::User, name, words)
    }

    pub(super) fn start_as(who: Who, name: &'static str, words: &[&str]) -> Result<Self> {
        let mut command = guard::run(who, name, &guard::workdir(name)?);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
        Ok(Self { name, child: command.spawn().context("cannot start the agent")? })
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Its launcher's end would leave it alone.
        let _ = order(self.name, "terminate");
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = guard::guard(&["recover", "--agent", self.name, "--note", "the suite goes on"]);
    }
}

pub(super) fn order(name: &str, mode: &str) -> Result<()> {
    guard::ok(&["kill", "--agent", name, "--mode", mode]).map(drop)
}

pub(super) fn pids(name: &str) -> Result<Vec<u32>> {
    let agents = guard::json(&["agents"])?;
    let alive = |agent: &&serde_json::Value| agent["alive"] == true && agent["instance"]["agent"] == name;
    let found = agents.as_array().and_then(|all| all.iter().find(alive)?["pids"].as_array());
    let numbers = found.with_context(|| format!("{name} is not listed"))?.iter();
    Ok(numbers.filter_map(|pid| u32::try_from(pid.as_u64()?).ok()).collect())
}

/// The folder of an agent's only instance in the cgroup file system, with its first process in it.
pub(super) fn cgroup_of(name: &str) -> Result<String> {
    let mut found = None;
    until(&format!("{name} is in its cgroup"), Duration::from_secs(30), || {
        let mut names = fs::read_dir(CGROUPS)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let is_own = |dir: &String| dir.strip_prefix(name).is_some_and(|slot| slot.starts_with('.'));
        found = names.find(is_own).map(|dir| format!("{CGROUPS}/{dir}"));
        // One that nobody is in yet counts as frozen.
        found.as_ref().map_or(Ok(false), |dir| Ok(!fs::read(format!("{dir}/cgroup.procs"))?.is_empty()))
    })?;
    found.context("just seen")
}

/// What is done to an agent by its name.
type Halt = fn(&str) -> Result<()>;
const TERMINATE: Halt = |name| order(name, "terminate");
const FREEZE: Halt = |name| order(name, "freeze");

/// Its tasks are refused, and no cgroup holds them.
fn from_outside(way: &str, halt: Halt) -> Result<()> {
    uploading(way, |name| pids(name)?.into_iter().try_for_each(|pid| enter("/sys/fs/cgroup", pid)), halt)
}

fn upload(way: &str, halt: Halt) -> Result<()> {
    uploading(way, |_| Ok(()), halt)
}

fn switched_off(way: &str) -> Result<()> {
    let ended = upload(way, |_| guard::ok(&["surface", "connect", "off"]).map(drop));
    guard::ok(&["surface", "connect", "on"])?;
    ended
}

fn uploading(way: &str, prepare: Halt, halt: Halt) -> Result<()> {
    let name = "uploader";
    let sink = stands_by(Who::User, &format!("net.listen.sink {SINK}"))?;
    let agent = Agent::start(name, &[ACT, way, SINK, &Spot::Tmpfs.w("f")])?;
    let before = seen()?;
    until("the upload is under way", Duration::from_secs(30), || Ok(seen()? != before))?;
    prepare(name)?;
    let first = seen()?;
    until("the upload goes on", Duration::from_secs(10), || Ok(seen()? != first))?;
    halt(name)?;
    let ordered = boot_ns()?;
    std::thread::sleep(Duration::from_millis(600));
    let last = seen()?;
    drop((agent, sink));
    let until = last.rsplit_once(' ').context("no time")?.1.parse::<u64>()?;
    let late = Duration::from_nanos(until.saturating_sub(ordered));
    println!("# last bytes {} us after the order had returned", late.as_micros());
    ensure!(late <= ON_ITS_WAY, "bytes {late:?} after the order had returned");
    Ok(())
}

fn shared_memory(mode: &str) -> Result<()> {
    let (name, file) = ("mapper", Spot::Tmpfs.w("f"));
    let script = format!(
        "import mmap\n\
         with open('{file}', 'r+b') as file:\n\
         \x20   memory = mmap.mmap(file.fileno(), 8)\n\
         n = 0\n\
         while True:\n\
         \x20   n += 1\n\
         \x20   memory[:8] = n.to_bytes(8, 'little')\n"
    );
    fs::write(&file, [0; 4096])?;
    let agent = Agent::start(name, &["python3", "-B", "-c", &script])?;
    let before = fs::read(&file)?;
    until("the memory changes", Duration::from_secs(30), || Ok(fs::read(&file)? != before))?;
    order(name, mode)?;
    let ordered = fs::read(&file)?;
    std::thread::sleep(Duration::from_millis(300));
    let last = fs::read(&file)?;
    drop(agent);
    ensure!(ordered == last, "the file changed after the order had returned");
    Ok(())
}

/// Tracers write into code.
const MAY_TRACE: &str = "[[edges]]\nprofile = \"suite\"\nzone = \"memory\"\nallow = [\"exec\"]\n";
/// Processes that nobody reaches easily, in the order of their pids in the file that is named.
const UNWILLING: &str = include_str!("unwilling.py");

/// An agent, its processes, and the one of them that an outside tracer may have.
struct Unwilling {
    agent: Agent,
    pids: Vec<u32>,
    idle: u32,
}

impl Unwilling {
    fn start() -> Result<Self> {
        let told = Spot::Tmpfs.w("pids");
        let agent = Agent::start("unwilling", &["python3", "-B", "-c", UNWILLING, PYTHON, &told])?;
        until("everybody is there", Duration::from_secs(30), || Ok(fs::exists(&told)?))?;
        let pids: Vec<u32> =
            fs::read_to_string(&told)?.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let (idle, parent) = (pids[1], pids[2]);
        let mut unwilling = Self { agent, pids, idle };
        // Until its child runs a program: the child waits at a pipe.
        until("a parent waits", Duration::from_secs(10), || Ok(state(parent) == Some('D')))?;
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
        unwilling.pids.push(children.trim().parse()?);
        ensure!(
            unwilling.pids.len() == 8 && unwilling.left().len() == 8,
            "not all live: {:?}",
            unwilling.pids
        );
        Ok(unwilling)
    }

    /// Those that live.
    fn left(&self) -> Vec<u32> {
        let lives = |pid: u32| !matches!(state(pid), None | Some('Z' | 'X'));
        self.pids.iter().copied().filter(|pid| lives(*pid)).collect()
    }
}

/// As in `ps`. One that nobody has waited for yet is dead.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Whatever holds them besides.
fn killed(hold: fn(&Unwilling) -> Result<Undo>) -> Result<()> {
    under(&with(MAY_TRACE), || {
        let all = Unwilling::start()?;
        let held = hold(&all)?;
        order(all.agent.name, "terminate")?;
        let left = all.left();
        drop((all, held));
        ensure!(left.is_empty(), "{left:?} live on");
        Ok(())
    })
}

fn unwilling(_: &mut World) -> Result<()> {
    killed(|all| stands_by(Who::Root, &format!("ipc.trace.tracer {}", all.idle)))
}

fn frozen(_: &mut World) -> Result<()> {
    killed(|all| Ok(Box::new(order(all.agent.name, "freeze")?)))
}

fn in_frozen_cgroup(_: &mut World) -> Result<()> {
    killed(|all| Ok(Box::new(freeze_cgroup(all.agent.name)?)))
}

fn freeze_cgroup(name: &str) -> Result<()> {
    let cgroup = cgroup_of(name)?;
    fs::write(format!("{cgroup}/cgroup.freeze"), "1")?;
    let events = format!("{cgroup}/cgroup.events");
    until("it is frozen", Duration::from_secs(10), || {
        Ok(fs::read_to_string(&events)?.lines().any(|line| line == "frozen 1"))
    })
}
