//! What is done while policies change that turn zones and edges round.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Args, CHANGED, SENT, Way, way};

/// See the module.
pub const WAYS: &[Way] = &[way("turned", turned)];

/// How often everything is tried before any policy changes.
const CONTROLS: u32 = 20;
/// Between two attacks: each leaves refusals that somebody has to write down.
const PAUSE: Duration = Duration::from_millis(50);

/// `turned FOLDER MARKS NEVER ALWAYS`: with FOLDER/never and the address NEVER what no policy allows, and with
/// FOLDER/always and ALWAYS, all the time, what each does; from MARKS/go to MARKS/enough, after MARKS/begun is made.
fn turned(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let mark = |name: &str| -> io::Result<PathBuf> { Ok(args.path(1)?.join(name)) };
    let (go, enough) = (mark("go")?, mark("enough")?);
    let never = Target::new(args.path(0)?.join("never"), args.parsed(2)?)?;
    let always = Target::new(args.path(0)?.join("always"), args.parsed(3)?)?;
    let in_vain: usize = (0..CONTROLS).map(|_| 2 * Target::ACTS - never.reached() - always.reached()).sum();
    writeln!(out, "in vain before {in_vain}")?;
    File::create(mark("begun")?)?;
    while !fs::exists(&go)? {
        std::thread::sleep(PAUSE);
    }
    let (mut attacks, mut done, mut duties, mut missed) = (0, 0, 0, 0);
    let mut last = Instant::now();
    while !fs::exists(&enough)? {
        // Who tries without a pause takes half of the processor from those that it waits for.
        std::thread::sleep(Duration::from_millis(1));
        duties += Target::ACTS;
        missed += Target::ACTS - always.reached();
        if last.elapsed() >= PAUSE {
            attacks += Target::ACTS;
            done += never.reached();
            last = Instant::now();
        }
    }
    writeln!(out, "attacks {attacks}\ndone {done}\nduties {duties}\nmissed {missed}")
}

/// A file, the same file open already, and a peer.
struct Target {
    path: PathBuf,
    held: File,
    socket: UdpSocket,
    peer: SocketAddr,
}

impl Target {
    const ACTS: usize = 3;

    fn new(path: PathBuf, peer: SocketAddr) -> io::Result<Self> {
        let held = File::options().write(true).open(&path)?;
        let socket = UdpSocket::bind(if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
        Ok(Self { path, held, socket, peer })
    }

    /// How many of its acts succeed.
    fn reached(&self) -> usize {
        let opened = File::options().write(true).open(&self.path).is_ok();
        let written = self.held.write_all_at(CHANGED, 0).is_ok();
        let sent = self.socket.send_to(SENT, self.peer).is_ok();
        usize::from(opened) + usize::from(written) + usize::from(sent)
    }
}
