//! What the kernel programs tell the daemon, through two ring buffers: refusals and holds in one, routine
//! allows in the other.
//!
//! An event is one [`Event`] followed by at least `path_len + second_path_len` bytes of path text (see
//! [`Event::path_len`]); what follows that is not meant. Numbers of one sequence may arrive a little out of
//! order: a task can be preempted between taking its number and taking its place in the ring.

use crate::wire_enum;

wire_enum! {
    /// What an event is about.
    pub enum EventKind: u16 {
        /// A verdict on an agent's action.
        Decision = 1 => "decision",
        /// A task became an agent's by entering its cgroup, or was found in one: its children are not told.
        Entered = 2 => "entered",
        /// A cgroup became an instance, by a rule of the policy. `agent` and `profile` are its label's, `ino` is its
        /// id, the path is its own, and who acts is whoever entered it first, or moved somebody in.
        Enrolled = 3 => "enrolled",
    }
}

wire_enum! {
    /// Which of the two rings an event went through. Each has sequence numbers of its own.
    pub enum Ring: u16 {
        /// Refusals and holds.
        Deny = 0 => "deny",
        /// Routine allows, and tasks that entered.
        Allow = 1 => "allow",
    }
}

/// The opened file may be read.
pub const OPEN_READ: u32 = 1;
/// The opened file may be written.
pub const OPEN_WRITE: u32 = 2;
/// The open cuts the file to zero length.
pub const OPEN_TRUNCATE: u32 = 4;
/// The path text was cut at its outer end: the object lies deeper than the event has room for.
pub const PATH_CUT: u32 = 8;
/// The path text starts at a file system's root that the walk could not leave.
pub const PATH_UNROOTED: u32 = 16;

/// One event. All numbers are in the machine's byte order, but `port`, which is the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// [`EventKind`].
    pub kind: u16,
    /// [`crate::Operation`].
    pub operation: u16,
    /// [`crate::Verdict`].
    pub verdict: u32,
    /// Position in this CPU's and ring's sequence, from 1. A missing number is a lost event.
    pub seq: u64,
    /// Nanoseconds since boot, suspend included.
    pub boot_ns: u64,
    /// CPU that the sequence belongs to.
    pub cpu: u32,
    /// Instance's slot, 1 to `AGENTS_MAX - 1`.
    pub agent: u32,
    /// Profile's index in the policy generation.
    pub profile: u16,
    /// Zone of the object, as the acting instance sees it.
    pub zone: u16,
    /// [`crate::Surface`].
    pub surface: u16,
    /// [`crate::Reason`].
    pub reason: u16,
    /// Process id, in the host's namespace.
    pub tgid: u32,
    /// Thread id, in the host's namespace.
    pub tid: u32,
    /// User id, in the host's namespace.
    pub uid: u32,
    /// Group id, in the host's namespace.
    pub gid: u32,
    /// Cgroup id of the acting task.
    pub cgroup: u64,
    /// The process's start, in nanoseconds since boot: with `tgid` it names one process for ever.
    pub start_boot_ns: u64,
    /// Policy generation that the verdict was made from.
    pub generation: u64,
    /// The task's name, NUL-padded.
    pub comm: [u8; 16],
    /// Object: inode number; 0 where there is none yet.
    pub ino: u64,
    /// Object: the kernel's device number, `(major << 20) | minor`.
    pub dev: u32,
    /// `OPEN_*` and `PATH_*` bits.
    pub flags: u32,
    /// Peer: IPv6 address, IPv4 in its mapped form. Of [`EventKind::Entered`]: who received the label, as thread
    /// id (u32), process id (u32), and the process's start in nanoseconds since boot (u64).
    pub addr: [u8; 16],
    /// Peer: port, in network byte order.
    pub port: u16,
    /// Peer: address family (`AF_*`).
    pub family: u16,
    /// Peer: protocol (`IPPROTO_*`).
    pub protocol: u16,
    /// Operation's own detail: mode bits for chmod, the open or rename flags' low bits, else 0.
    pub detail: u16,
    /// Bytes of the object's path after this struct: components from the leaf outward, each followed by NUL.
    pub path_len: u16,
    /// Bytes of the second object's path (rename's and link's new name) after that.
    pub second_path_len: u16,
    /// Zero.
    pub pad: u32,
}

const _: () = assert!(size_of::<Event>() == 144);
