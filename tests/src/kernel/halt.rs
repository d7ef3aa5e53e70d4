//! What goes on without a call that could be refused, or without a process that could be asked: a kill order ends it.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::harness::bystander::{seen, stands_by};
use crate::harness::fixture::ACT;
use crate::harness::guard::enter;
use crate::harness::shell::until;
use crate::harness::{Spot, Test, Who, World, check, guard};

/// Where uploads go: to a peer that the policy allows.
const SINK: &str = "127.0.0.1:7200";
/// What is on its way when the order returns has arrived after this.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

pub(super) fn all() -> Vec<Test> {
    vec![
        check("an_upload_ends_with_the_order", |_| upload("upload", "terminate", true)),
        check("an_upload_of_file_pages_ends_with_the_order", |_| upload("upload-pages", "terminate", true)),
        check("an_upload_from_outside_the_cgroup_ends_with_the_order", |_| upload("upload", "freeze", false)),
        check("an_upload_of_file_pages_from_outside_the_cgroup_ends_with_the_order", |_| {
            upload("upload-pages", "freeze", false)
        }),
        check("memory_shared_with_a_file_is_not_changed_after_the_order", shared_memory),
        check("whoever_is_stopped_traced_or_on_his_own_is_killed", unwilling),
        check("a_frozen_agent_is_killed", frozen),
    ]
}

/// An agent, and what is left of it cleared away.
struct Agent {
    name: &'static str,
    child: Child,
}

impl Agent {
    fn start(name: &'static str, words: &[&str]) -> Result<Self> {
        let mut command = guard::run(Who::User, name, &guard::workdir(name)?);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
        Ok(Self { name, child: command.spawn().context("cannot start the agent")? })
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // No order may have been given.
        let _ = guard::guard(&["recover", "--agent", self.name, "--note", "the suite goes on"]);
    }
}

fn order(name: &str, mode: &str) -> Result<()> {
    guard::ok(&["kill", "--agent", name, "--mode", mode]).map(drop)
}

fn pids(name: &str) -> Result<Vec<u32>> {
    let agents = guard::json(&["agents"])?;
    let alive = |agent: &&serde_json::Value| agent["alive"] == true && agent["instance"]["agent"] == name;
    let found = agents.as_array().and_then(|all| all.iter().find(alive)?["pids"].as_array());
    let numbers = found.with_context(|| format!("{name} is not listed"))?.iter();
    Ok(numbers.filter_map(|pid| u32::try_from(pid.as_u64()?).ok()).collect())
}

fn upload(way: &str, mode: &str, in_cgroup: bool) -> Result<()> {
    let name = "uploader";
    let sink = stands_by(Who::User, &format!("net.listen.sink {SINK}"))?;
    let agent = Agent::start(name, &[ACT, way, SINK, &Spot::Tmpfs.w("f")])?;
    let before = seen()?;
    until("the upload is under way", Duration::from_secs(30), || Ok(seen()? != before))?;
    if !in_cgroup {
        pids(name)?.into_iter().try_for_each(|pid| enter("/sys/fs/cgroup", pid))?;
    }
    let first = seen()?;
    until("the upload goes on", Duration::from_secs(10), || Ok(seen()? != first))?;
    order(name, mode)?;
    std::thread::sleep(ON_ITS_WAY);
    let ordered = seen()?;
    std::thread::sleep(Duration::from_millis(500));
    let last = seen()?;
    drop((agent, sink));
    ensure!(ordered == last, "after the order there were {ordered}, and half a second later {last}");
    Ok(())
}

fn shared_memory(_: &mut World) -> Result<()> {
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
    order(name, "terminate")?;
    let ordered = fs::read(&file)?;
    std::thread::sleep(Duration::from_millis(300));
    let last = fs::read(&file)?;
    drop(agent);
    ensure!(ordered == last, "the file changed after the order had returned");
    Ok(())
}

/// A stopped child, one that waits, one that nobody is the parent of.
const UNWILLING: &str = "\
import os, signal, sys, time
def child(act):
    pid = os.fork()
    if pid == 0:
        act()
        while True:
            signal.pause()
    return pid
def on_its_own():
    os.setsid()
    if os.fork():
        os._exit(0)
    os.setsid()
    with open(sys.argv[1] + '.self', 'w') as file:
        file.write(str(os.getpid()))
    os.rename(sys.argv[1] + '.self', sys.argv[1] + '.own')
pids = [child(lambda: os.kill(os.getpid(), signal.SIGSTOP)), child(lambda: None)]
os.waitpid(child(on_its_own), 0)
os.waitpid(pids[0], os.WUNTRACED)
while not os.path.exists(sys.argv[1] + '.own'):
    time.sleep(0.01)
pids.append(int(open(sys.argv[1] + '.own').read()))
with open(sys.argv[1] + '.new', 'w') as file:
    file.write(' '.join(map(str, [os.getpid(), *pids])))
os.rename(sys.argv[1] + '.new', sys.argv[1])
signal.pause()
";

fn started_unwilling(name: &'static str) -> Result<(Agent, Vec<u32>)> {
    let told = Spot::Tmpfs.w("pids");
    let agent = Agent::start(name, &["python3", "-B", "-c", UNWILLING, &told])?;
    until("everybody is there", Duration::from_secs(30), || Ok(fs::exists(&told)?))?;
    let pids: Vec<u32> = fs::read_to_string(&told)?.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    ensure!(pids.len() == 4 && pids.iter().all(|pid| lives(*pid)), "not everybody lives: {pids:?}");
    Ok((agent, pids))
}

fn lives(pid: u32) -> bool {
    // One that nobody has waited for yet is dead.
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

fn unwilling(_: &mut World) -> Result<()> {
    let name = "unwilling";
    let (agent, pids) = started_unwilling(name)?;
    let tracer = stands_by(Who::Root, &format!("ipc.trace.tracer {}", pids[2]))?;
    order(name, "terminate")?;
    let left: Vec<u32> = pids.into_iter().filter(|pid| lives(*pid)).collect();
    drop((agent, tracer));
    ensure!(left.is_empty(), "{left:?} live on");
    Ok(())
}

fn frozen(_: &mut World) -> Result<()> {
    let name = "unwilling";
    let (agent, pids) = started_unwilling(name)?;
    order(name, "freeze")?;
    order(name, "terminate")?;
    let left: Vec<u32> = pids.into_iter().filter(|pid| lives(*pid)).collect();
    drop(agent);
    ensure!(left.is_empty(), "{left:?} live on");
    Ok(())
}
