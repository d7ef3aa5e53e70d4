//! What the acts of a probe need, made before the process is labelled: whatever it opens later it may not have.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use io_uring::IoUring;
use nix::libc::EIO;
use nix::mount::MsFlags;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, socket};
use nix::unistd::Pid;
use rustix::mount as mounts;

use super::act::Turn;
use super::{names, processes, raw, sockets};

/// Whose namespaces the acts touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespaces {
    /// The host's users, with copies of its mounts, names and System V objects.
    Hosts,
    /// Users and mounts of its own.
    Own,
}

/// See the module.
pub(super) struct Scene {
    folder: PathBuf,
    /// Whoever asked for the probe, and is no agent's.
    pub(super) outside: Pid,
    /// Open for reading and writing.
    pub(super) held: File,
    pub(super) pages: [raw::Page; 2],
    /// An address that nobody has taken, and sockets that could.
    pub(super) free_address: SocketAddrV4,
    pub(super) unbound: [OwnedFd; 2],
    pub(super) bound: [OwnedFd; 2],
    pub(super) listening: TcpListener,
    pub(super) receiver: UdpSocket,
    pub(super) sender: UdpSocket,
    pub(super) other_sender: UdpSocket,
    pub(super) unix_sender: UnixDatagram,
    pub(super) files_waiting: UnixDatagram,
    pub(super) sockets_waiting: UnixDatagram,
    /// Shared memory, semaphores and queue, for each turn.
    pub(super) objects: [[i32; 3]; 2],
    /// Message queues with a name, for each turn.
    pub(super) queues: [String; 2],
    /// Or why there is none.
    pub(super) key: Result<i32, i32>,
    pub(super) ring: Result<(IoUring, u16), i32>,
    own_mounts: Option<OwnMounts>,
    _answering: (UnixListener, UnixDatagram, TcpStream),
}

/// Mounts in a namespace of its own.
pub(super) struct OwnMounts {
    /// One that can be configured anew.
    pub(super) picked: OwnedFd,
    /// Copies that hang nowhere yet.
    pub(super) trees: [OwnedFd; 2],
}

const TURNS: [Turn; 2] = [Turn::First, Turn::Second];
const FILES: [&str; 11] =
    ["open", "truncate", "unlink", "rename", "link", "chmod", "chown", "times", "xattr", "acl", "flags"];
const FOLDERS: [&str; 5] = ["rmdir", "mount", "umount", "pivot", "move"];

impl Scene {
    /// Makes everything in an empty folder.
    pub(super) fn build(folder: &Path, outside: Pid, namespaces: Namespaces) -> io::Result<Self> {
        enter(namespaces)?;
        for turn in TURNS {
            for name in FILES {
                fs::write(place(folder, name, turn), b"probe")?;
            }
            for name in FOLDERS {
                fs::create_dir(place(folder, name, turn))?;
            }
        }
        let held = folder.join("held");
        fs::write(&held, b"probe")?;
        let held = File::options().read(true).write(true).open(&held)?;
        let receiver = local()?;
        let answering_tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let connected = TcpStream::connect(answering_tcp.local_addr()?)?;
        let listening = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listening.set_nonblocking(true)?;
        Ok(Self {
            outside,
            pages: [raw::Page::new()?, raw::Page::new()?],
            free_address: free_address()?,
            unbound: [stream()?, stream()?],
            bound: [bound()?, bound()?],
            listening,
            sender: local()?,
            other_sender: local()?,
            receiver,
            unix_sender: UnixDatagram::unbound()?,
            files_waiting: sockets::messages_with(held.as_fd())?,
            sockets_waiting: sockets::messages_with(connected.as_fd())?,
            objects: [raw::make_ipc()?, raw::make_ipc()?],
            queues: TURNS.map(processes::named_queue),
            key: raw::make_key(c"guard before", false).map_err(code),
            ring: raw::make_ring().map_err(code),
            own_mounts: match namespaces {
                Namespaces::Own => Some(OwnMounts::make(folder)?),
                Namespaces::Hosts => None,
            },
            _answering: (
                UnixListener::bind(folder.join("stream"))?,
                UnixDatagram::bind(folder.join("datagram"))?,
                connected,
            ),
            held,
            folder: folder.to_owned(),
        })
    }

    /// A file that is there.
    pub(super) fn file(&self, name: &str, turn: Turn) -> PathBuf {
        debug_assert!(FILES.contains(&name), "{name}");
        place(&self.folder, name, turn)
    }

    /// A folder that is there.
    pub(super) fn folder(&self, name: &str, turn: Turn) -> PathBuf {
        debug_assert!(FOLDERS.contains(&name), "{name}");
        place(&self.folder, name, turn)
    }

    /// A name that nothing has.
    pub(super) fn fresh(&self, name: &str, turn: Turn) -> PathBuf {
        place(&self.folder, name, turn)
    }

    /// A thing that is there once.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn own_mounts(&self) -> io::Result<&OwnMounts> {
        self.own_mounts.as_ref().ok_or_else(|| io::ErrorKind::Unsupported.into())
    }
}

fn place(folder: &Path, name: &str, turn: Turn) -> PathBuf {
    folder.join(format!("{name}-{}", turn as u8))
}

/// What the probe does to mounts, names and System V objects stays its own.
fn enter(namespaces: Namespaces) -> io::Result<()> {
    let common = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    match namespaces {
        Namespaces::Hosts => unshare(common)?,
        Namespaces::Own => {
            unshare(common | CloneFlags::CLONE_NEWUSER)?;
            for (file, text) in [("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")] {
                fs::write(format!("/proc/self/{file}"), text)?;
            }
        }
    }
    let none: Option<&str> = None;
    Ok(nix::mount::mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?)
}

impl OwnMounts {
    fn make(folder: &Path) -> io::Result<Self> {
        for turn in TURNS {
            names::mount_at(&place(folder, "umount", turn))?;
        }
        let base = folder.join("base");
        fs::create_dir(&base)?;
        names::mount_at(&base)?;
        let tree = || mounts::open_tree(rustix::fs::CWD, &base, mounts::OpenTreeFlags::OPEN_TREE_CLONE);
        Ok(Self {
            picked: mounts::fspick(rustix::fs::CWD, &base, mounts::FsPickFlags::empty())?,
            trees: [tree()?, tree()?],
        })
    }
}

fn local() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
}

fn stream() -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?)
}

fn bound() -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    let made = stream()?;
    bind(made.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)))?;
    Ok(made)
}

/// One that was free a moment ago.
fn free_address() -> io::Result<SocketAddrV4> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()? {
        std::net::SocketAddr::V4(address) => Ok(address),
        std::net::SocketAddr::V6(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

fn code(error: io::Error) -> i32 {
    error.raw_os_error().unwrap_or(EIO)
}
