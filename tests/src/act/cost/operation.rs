//! The operations whose cost is told: the same calls whoever watches them. Each is one act on objects that are
//! there before it begins; what it needs put back or emptied, it does between two batches.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, connect, setsockopt, socket, sockopt};

use super::super::process::forked;
use super::super::usage;

/// The port that datagrams are sent to.
pub const PEER_PORT: u16 = 7200;
/// The port that streams are connected to.
pub const SERVER_PORT: u16 = 7201;

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its name in orders and tables.
    pub name: &'static str,
    /// Whether it acts on a name, so that the depth of the folder counts.
    pub by_name: bool,
    /// Acts between two readings of the clock.
    pub batch: u32,
    /// Readings; their median counts.
    pub samples: u32,
    begin: fn(&Path) -> io::Result<Work>,
}

/// An operation that is ready to act.
pub(super) struct Work {
    act: Box<dyn FnMut(u32) -> io::Result<()>>,
    settle: Box<dyn FnMut() -> io::Result<()>>,
}

/// Every operation.
pub const ALL: &[Operation] = &[
    light("open-read", true, open_read),
    light("open-write", true, open_write),
    light("open-first", true, open_first),
    light("create-unlink", true, create_unlink),
    light("rename", true, rename),
    light("stat", true, stat),
    light("write", false, write),
    light("read", false, read),
    light("connect", false, connect_datagram),
    heavy("connect-tcp", connect_stream),
    light("sendto", false, send),
    heavy("fork-exit", fork_exit),
    heavy("exec", exec),
];

/// A multiple of what the kernel's caches of small objects hold in a page: every batch then pays for as many pages.
const BATCH: u32 = 32;

const fn light(name: &'static str, by_name: bool, begin: fn(&Path) -> io::Result<Work>) -> Operation {
    Operation { name, by_name, batch: BATCH, samples: 31, begin }
}

const fn heavy(name: &'static str, begin: fn(&Path) -> io::Result<Work>) -> Operation {
    Operation { name, by_name: false, batch: 10, samples: 15, begin }
}

impl Operation {
    /// The operation of that name.
    pub fn named(name: &str) -> io::Result<&'static Self> {
        let found = ALL.iter().find(|operation| operation.name == name);
        found.ok_or_else(|| usage(&format!("no operation is called {name}")))
    }

    /// Acts of one measurement, the batch that warms up included.
    pub const fn acts(&self) -> u32 {
        self.batch * (self.samples + 1)
    }

    pub(super) fn begin(&self, folder: &Path) -> io::Result<Work> {
        (self.begin)(folder)
    }
}

impl Work {
    fn of(act: impl FnMut(u32) -> io::Result<()> + 'static) -> io::Result<Self> {
        Ok(Self { act: Box::new(act), settle: Box::new(|| Ok(())) })
    }

    pub(super) fn act(&mut self, index: u32) -> io::Result<()> {
        (self.act)(index)
    }

    pub(super) fn settle(&mut self) -> io::Result<()> {
        (self.settle)()
    }
}

fn open_read(folder: &Path) -> io::Result<Work> {
    let path = folder.join("f");
    Work::of(move |_| File::open(&path).map(drop))
}

fn open_write(folder: &Path) -> io::Result<Work> {
    let path = folder.join("f");
    Work::of(move |_| OpenOptions::new().write(true).open(&path).map(drop))
}

/// Each file of the folder once: nobody has opened it before.
fn open_first(folder: &Path) -> io::Result<Work> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort_unstable();
    Work::of(move |index| {
        let path = paths.get(index as usize).ok_or_else(|| usage("the folder has too few files"))?;
        File::open(path).map(drop)
    })
}

fn create_unlink(folder: &Path) -> io::Result<Work> {
    let path = folder.join("new");
    Work::of(move |_| {
        File::create_new(&path)?;
        fs::remove_file(&path)
    })
}

/// There and back again, in turn.
fn rename(folder: &Path) -> io::Result<Work> {
    let names = [folder.join("here"), folder.join("there")];
    fs::write(&names[0], "")?;
    Work::of(move |index| {
        let [here, there] = &names;
        if index % 2 == 0 { fs::rename(here, there) } else { fs::rename(there, here) }
    })
}

fn stat(folder: &Path) -> io::Result<Work> {
    let path = folder.join("f");
    Work::of(move |_| fs::metadata(&path).map(drop))
}

fn write(folder: &Path) -> io::Result<Work> {
    let file = OpenOptions::new().write(true).open(folder.join("f"))?;
    Work::of(move |_| file.write_at(b"x", 0).map(drop))
}

fn read(folder: &Path) -> io::Result<Work> {
    let file = File::open(folder.join("f"))?;
    Work::of(move |_| file.read_at(&mut [0], 0).map(drop))
}

fn connect_datagram(_: &Path) -> io::Result<Work> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    Work::of(move |_| socket.connect((Ipv4Addr::LOCALHOST, PEER_PORT)))
}

/// A new socket, its connection to a server in this process, and the end of both: by reset, so that no timer is
/// left behind.
fn connect_stream(_: &Path) -> io::Result<Work> {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, SERVER_PORT))?;
    let peer = SockaddrIn::new(127, 0, 0, 1, SERVER_PORT);
    let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    Work::of(move |_| {
        let client = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        setsockopt(&client, sockopt::Linger, &at_once)?;
        connect(std::os::fd::AsRawFd::as_raw_fd(&client), &peer)?;
        server.accept().map(drop)
    })
}

fn send(_: &Path) -> io::Result<Work> {
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, PEER_PORT))?;
    peer.set_nonblocking(true)?;
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, PEER_PORT));
    Ok(Work {
        act: Box::new(move |_| sender.send_to(b"x", to).map(drop)),
        settle: Box::new(move || {
            loop {
                match peer.recv(&mut [0]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        }),
    })
}

fn fork_exit(_: &Path) -> io::Result<Work> {
    Work::of(|_| forked())
}

/// A static program, started and waited for.
fn exec(folder: &Path) -> io::Result<Work> {
    let program = folder.join("true");
    Work::of(move |_| match Command::new(&program).status()?.success() {
        true => Ok(()),
        false => Err(usage("the program failed")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_operations_share_a_name() {
        let mut names: Vec<_> = ALL.iter().map(|operation| operation.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn a_folder_with_too_few_files_is_refused() {
        let mut work = open_first(Path::new("/proc/self/task")).expect("a folder");
        assert!(work.act(u32::MAX).is_err());
    }
}
