//! What a compiled policy is to the kernel: rows, without generation or slot. Knows no map and no system call.

use std::net::Ipv6Addr;

use guard_common::limits::CHILD_NAME_LEN_MAX;
use guard_common::map::cell::Cell;
use guard_common::map::zone::{Mark, NameKind};

/// One inode: the kernel's device number (`(major << 20) | minor`) and the inode number.
pub type InodeKey = (u32, u64);

/// Every row of one policy generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Profile, zone, and what the profile may do there.
    pub cells: Vec<(u16, u16, Cell)>,
    /// Marked inodes.
    pub marks: Vec<(InodeKey, Mark)>,
    /// Names below a marked directory that did not exist at load: directory, name (NUL-padded), mark.
    pub children: Vec<(InodeKey, [u8; CHILD_NAME_LEN_MAX], Mark)>,
    /// Name rules: how the text matches, the text without `*` (1 to 32 bytes), mark.
    pub names: Vec<(NameKind, Vec<u8>, Mark)>,
    /// Peers: protocol (`IPPROTO_*`, 0 for any), port (host byte order, 0 for any), address (IPv4 in its mapped
    /// form), leading bits of the 128-bit address that count, zone.
    pub addresses: Vec<(u8, u16, Ipv6Addr, u8, u16)>,
}
