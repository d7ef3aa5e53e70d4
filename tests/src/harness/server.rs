//! The counting servers, and the network namespace behind a veth pair that one of them lives in.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::fixture::{ACT, SOCKETS, Spot, folder, give};
use super::shell::sh;
use crate::act::count::Counts;

/// D4: may not be reached.
pub const D4: &str = "10.99.0.2:7000";
/// D4, written as an IPv6 address.
pub const D4_MAPPED: &str = "[::ffff:10.99.0.2]:7000";
/// D6: may not be reached.
pub const D6: &str = "[fd99::2]:7000";
/// D6 by an address that stands for D4 where networks translate (RFC 6052).
pub const D4_TRANSLATED: &str = "[64:ff9b::10.99.0.2]:7000";
/// D6 by D4's address in 6to4 (RFC 3056).
pub const D4_TUNNELLED: &str = "[2002:a63:2::1]:7000";
/// D6 by an IPv6 address that ends in D4's (RFC 4291 §2.5.5.1).
pub const D4_COMPATIBLE: &str = "[::10.99.0.2]:7000";
/// A4: may be reached.
pub const A4: &str = "127.0.0.1:7001";
/// The same server by an address that D4 can answer.
pub const A4_NEAR: &str = "10.99.0.1:7001";
/// The same server over v6.
pub const A6: &str = "[::1]:7001";
/// The same server's mapped address.
pub const A4_MAPPED: &str = "[::ffff:127.0.0.1]:7001";

/// The end of the link to D that this host holds.
pub const LINK: &str = "gt0";
/// Unix sockets whose names lie in no file system begin with it.
pub const NOWHERE: &str = "@guardtest";

const NAMESPACE: &str = "guardtest";

/// Time for a packet to come through the softirq of a busy machine, where none is expected.
const SETTLE: Duration = Duration::from_millis(15);

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let ask = child.stdin.take().context("no pipe")?;
        let mut answers = BufReader::new(child.stdout.take().context("no pipe")?);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        ensure!(line == "ready\n", "the counting server said {line:?}");
        Ok(Self { child, ask, answers })
    }

    /// The server that agents may not reach.
    pub fn other() -> Result<Self> {
        Self::start(Command::new("ip").args(["netns", "exec", NAMESPACE, ACT, "count", "7000"]))
    }

    /// The server that they may.
    pub fn allowed() -> Result<Self> {
        Self::start(Command::new(ACT).args(["count", "7001"]))
    }

    /// Unix sockets that agents may not reach.
    pub fn other_names() -> Result<Self> {
        Self::names(Spot::ALL.map(|spot| spot.pd(SOCKETS)), &[NOWHERE])
    }

    /// Unix sockets that they may.
    pub fn allowed_names() -> Result<Self> {
        Self::names(Spot::ALL.map(|spot| spot.w(SOCKETS)), &[])
    }

    fn names(folders: [String; 3], beside: &[&str]) -> Result<Self> {
        for path in &folders {
            // Of a run before, whose listeners are gone.
            let _ = fs::remove_dir_all(path);
            folder(path)?;
        }
        let server = Self::start(Command::new(ACT).arg("count-names").args(&folders).args(beside))?;
        for path in &folders {
            for entry in fs::read_dir(path)? {
                give(&entry?.path(), 0o777)?;
            }
        }
        Ok(server)
    }

    /// One of the counters of its network: `Icmp.InEchos` as in /proc/net/snmp, `Icmp6InEchos` as in snmp6.
    pub fn counter(&self, name: &str) -> Result<String> {
        std::thread::sleep(SETTLE);
        let read = |file| fs::read_to_string(format!("/proc/{}/net/{file}", self.child.id()));
        let value = match name.split_once('.') {
            Some((group, name)) => of_group(&read("snmp")?, group, name),
            None => of_lines(&read("snmp6")?, name),
        };
        value.with_context(|| format!("no counter {name}"))
    }

    /// What has arrived so far.
    pub fn counts(&mut self) -> Result<Counts> {
        std::thread::sleep(SETTLE);
        self.ask.write_all(b"\n")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the counting server said {line:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of names, then one of values, each after the group's name.
fn of_group(text: &str, group: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(": "));
    let at = lines.next()?.split(' ').position(|word| word == name)?;
    lines.next()?.split(' ').nth(at).map(str::to_owned)
}

fn of_lines(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| (words.next()? == name).then(|| words.next())?).map(str::to_owned)
}

/// Another network, one hop away. It takes packets for whoever else its addresses stand for, and hands on what names
/// it as a hop on the way.
pub fn build_network() -> Result<()> {
    // A host may have it built in.
    let _ = sh("modprobe veth");
    for line in [
        "ip link set lo up",
        "ip netns add guardtest",
        "ip link add gt0 type veth peer name gt1 netns guardtest",
        "ip addr add 10.99.0.1/24 dev gt0",
        "ip addr add fd99::1/64 dev gt0 nodad",
        "ip link set gt0 up",
        "ip -n guardtest addr add 10.99.0.2/24 dev gt1",
        "ip -n guardtest addr add fd99::2/64 dev gt1 nodad",
        "ip -n guardtest link set gt1 up",
        "ip -n guardtest link set lo up",
        "ip -n guardtest addr add 64:ff9b::10.99.0.2/128 dev gt1 nodad",
        "ip -n guardtest addr add 2002:a63:2::1/128 dev gt1 nodad",
        "ip -n guardtest addr add ::10.99.0.2/128 dev gt1 nodad",
        "ip -6 route add 64:ff9b::/96 via fd99::2",
        "ip -6 route add 2002::/16 via fd99::2",
        "ip -6 route add ::10.99.0.2/128 via fd99::2",
        "ip netns exec guardtest sysctl -q -w net.ipv4.ip_forward=1",
        "ip netns exec guardtest sysctl -q -w net.ipv4.conf.all.accept_source_route=1",
        "ip netns exec guardtest sysctl -q -w net.ipv4.conf.gt1.accept_source_route=1",
    ] {
        sh(line)?;
    }
    Ok(())
}
