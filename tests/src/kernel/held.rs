//! What an agent holds open while the policy changes: the next use is judged by the policy that is in force then.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::libc::EACCES;

use super::apply::{apply, under, with};
use crate::harness::fixture::{self, PYTHON};
use crate::harness::{Spot, Test, Who, World, check, guard};

const SCRIPT: &str = include_str!("holder.py");
/// In no zone of the suite's.
const PEER: &str = "10.99.0.1:7300";
const EDGE: &str =
    "[[edges]]\nprofile = \"suite\"\nzone = \"held\"\nallow = [\"read\", \"write\", \"connect\"]\n";
/// Each asks the kernel.
const ASKED: [&str; 7] = ["write", "read", "map", "send", "put", "splice", "datagram"];
/// Nobody is asked about these.
const UNASKED: [&str; 2] = ["store", "receive"];

pub(super) fn all() -> Vec<Test> {
    vec![check("what_is_held_open_is_refused_when_its_edge_goes_and_goes_on_when_it_comes_back", held)]
}

/// The agent that holds, and the other end of what it is connected to.
struct Holder {
    agent: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    file: String,
    stream: TcpStream,
    datagrams: UdpSocket,
}

impl Holder {
    fn start(file: String) -> Result<Self> {
        let (door, datagrams) = (TcpListener::bind(PEER)?, UdpSocket::bind(PEER)?);
        datagrams.set_nonblocking(true)?;
        let words = ["python3", "-B", "-c", SCRIPT, PYTHON, &file, PEER];
        let mut command = guard::run(Who::User, "holder", &guard::workdir("holder")?);
        let mut agent =
            command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (ask, answers) =
            (agent.stdin.take().context("no pipe")?, agent.stdout.take().context("no pipe")?);
        let stream = door.accept()?.0;
        stream.set_nonblocking(true)?;
        Ok(Self { agent, ask, answers: BufReader::new(answers), file, stream, datagrams })
    }

    /// Tries each use: all that ask the kernel end with the code, and have their effect if that is 0; the others always.
    fn uses(&mut self, code: i32) -> Result<()> {
        let before = fs::read(&self.file)?;
        self.stream.write_all(b"r")?;
        self.ask.write_all(b"\n")?;
        let mut told = String::new();
        self.answers.read_line(&mut told)?;
        let all = ASKED
            .map(|name| format!("{name}={code}"))
            .into_iter()
            .chain(UNASKED.map(|name| format!("{name}=0")));
        let all: Vec<String> = all.collect();
        ensure!(told.trim() == all.join(" "), "each should end with {code}: {told}");
        // Packets may be on their way.
        std::thread::sleep(Duration::from_millis(50));
        let after = fs::read(&self.file)?;
        ensure!((before[..8] != after[..8]) == (code == 0), "the file was written to or not, against {told}");
        ensure!(before[64] != after[64], "memory that it was mapped into is not the file's");
        let streamed = self.stream.read(&mut [0; 16]).unwrap_or(0);
        let sent = usize::from(self.datagrams.recv(&mut [0; 16]).is_ok());
        let wanted = if code == 0 { (3, 1) } else { (0, 0) };
        ensure!((streamed, sent) == wanted, "{streamed} bytes and {sent} datagrams came");
        Ok(())
    }
}

fn held(_: &mut World) -> Result<()> {
    let folder = Spot::Tmpfs.at("held");
    fixture::folder(&folder)?;
    let file = format!("{folder}/f");
    fixture::put(file.as_ref(), &[0; 4096])?;
    let zone = format!("[zones.held]\npaths = [\"{folder}\"]\naddresses = [\"{PEER}\"]\n");
    let open = with(&format!("{zone}{EDGE}"));
    under(&open, || {
        let mut holder = Holder::start(file).context("with the edge")?;
        holder.uses(0).context("before the push")?;
        for _ in 0..2 {
            apply(&with(&zone))?;
            holder.uses(EACCES).context("without the edge")?;
            apply(&open)?;
            holder.uses(0).context("with the edge again")?;
        }
        let Holder { mut agent, ask, .. } = holder;
        drop(ask);
        ensure!(agent.wait()?.success(), "it broke down");
        Ok(())
    })
}
