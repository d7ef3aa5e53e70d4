//! An action: what an agent did or wants to do, in the words that primitives judge and records keep.

use guard_common::{Operation, Reason, Surface, Verdict};
use serde::{Deserialize, Serialize};

/// Nanoseconds since boot, suspend included (`CLOCK_BOOTTIME`). The only clock that verdicts know.
pub type BootNs = u64;

/// One process for ever: a pid alone is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Process id in the host's namespace.
    pub pid: u32,
    /// Start of the process, in nanoseconds since boot.
    #[serde(with = "super::decimal")]
    pub start_boot_ns: u64,
}

/// Where an event stands in its CPU's and ring's sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// CPU that counted it.
    pub cpu: u32,
    /// Number in that sequence, from 1.
    #[serde(with = "super::decimal")]
    pub seq: u64,
}

/// Who acts, as the kernel says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Instance's slot in the kernel maps.
    pub slot: u32,
    /// Profile's index in the policy generation.
    pub profile: u16,
    /// The acting process.
    pub process: ProcessKey,
    /// The acting thread.
    pub tid: u32,
    /// User and group in the host's namespace.
    pub uid: u32,
    /// See `uid`.
    pub gid: u32,
    /// Cgroup id of the acting task.
    #[serde(with = "super::decimal")]
    pub cgroup: u64,
    /// The task's name, with bytes outside UTF-8 replaced.
    pub comm: String,
}

/// What is acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Object {
    /// A file, directory or other named object.
    File {
        /// Path from the root of its file system's outermost known mount; bytes outside printable UTF-8 are
        /// written as `\xNN`.
        path: String,
        /// New path of a rename or link.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        second_path: Option<String>,
        /// Device number, the kernel's form.
        dev: u32,
        /// Inode number; 0 where there is none yet.
        #[serde(with = "super::decimal")]
        ino: u64,
        /// `guard_common::event::{OPEN_*, PATH_*}` bits.
        flags: u32,
    },
    /// A program, with the arguments that it was started with.
    Program {
        /// As a file's.
        path: String,
        /// As a file's.
        dev: u32,
        /// As a file's.
        #[serde(with = "super::decimal")]
        ino: u64,
        /// Which of its zone's rules on arguments spoke, counted from 0.
        rule: u16,
    },
    /// A network peer.
    Peer {
        /// Address, IPv4 in dotted form.
        address: std::net::IpAddr,
        /// Port; 0 where the protocol has none.
        port: u16,
        /// `IPPROTO_*`.
        protocol: u16,
        /// `AF_*`.
        family: u16,
    },
    /// The task itself (fork).
    Task,
    /// A socket, or a request to have one; its addresses say nothing yet.
    Socket {
        /// `AF_*`.
        family: u16,
        /// `IPPROTO_*`.
        protocol: u16,
        /// Number of the option that was to be set, else 0.
        option: u16,
    },
    /// A process.
    Process {
        /// Which.
        process: ProcessKey,
        /// Its thread that was meant.
        tid: u32,
        /// Number of the signal, where one was sent, else 0.
        signal: u16,
    },
    /// The host itself.
    Host {
        /// What was asked of it.
        request: String,
    },
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, second_path: None, .. } => f.write_str(path),
            Self::File { path, second_path: Some(second), .. } => write!(f, "{path} -> {second}"),
            Self::Peer { address, port, protocol, .. } => {
                write!(f, "{} ", std::net::SocketAddr::new(*address, *port))?;
                match protocol {
                    1 => f.write_str("icmp"),
                    6 => f.write_str("tcp"),
                    17 => f.write_str("udp"),
                    other => write!(f, "protocol {other}"),
                }
            }
            Self::Program { path, .. } => write!(f, "{path} with these arguments"),
            Self::Task => f.write_str("a new task"),
            Self::Socket { family, protocol, option: 0 } => {
                write!(f, "a socket of family {family}, protocol {protocol}")
            }
            Self::Socket { family, option, .. } => {
                write!(f, "option {option} of a socket of family {family}")
            }
            Self::Process { process, signal: 0, .. } => write!(f, "process {}", process.pid),
            Self::Process { process, signal, .. } => write!(f, "signal {signal} to process {}", process.pid),
            Self::Host { request } => f.write_str(request),
        }
    }
}

/// What the kernel decided about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelVerdict {
    /// Allow, hold or deny.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Zone of the object as the actor sees it.
    pub zone: guard_common::ZoneId,
    /// Policy generation that it was made from.
    pub generation: u64,
}

/// What is known of the acting process's executable. A decoder leaves it at `NotRead`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Executable {
    /// Nobody looked yet.
    #[default]
    NotRead,
    /// SHA-256 of its content, hex.
    Sha256(String),
    /// It could not be read, and why.
    Absent(String),
}

/// An action that the kernel decided, as decoded from a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Which ring it came through, and where it stands there.
    pub ring: guard_common::event::Ring,
    /// See `ring`.
    pub position: Position,
    /// When.
    pub at: BootNs,
    /// Who.
    pub actor: Actor,
    /// What the acting process runs; see [`Executable`].
    pub executable: Executable,
    /// Class of action.
    pub surface: Surface,
    /// Kind of action.
    pub operation: Operation,
    /// On what.
    pub object: Object,
    /// What the kernel decided.
    pub kernel: KernelVerdict,
}
