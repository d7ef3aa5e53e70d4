//! What one policy generation writes into the kernel maps. Plain values: knows neither slots nor maps.
//!
//! The generation is exactly these rows: a cell that is not listed is empty, and an empty cell denies.

use std::net::{IpAddr, Ipv6Addr};

use guard_common::limits::CHILD_NAME_LEN_MAX;
use guard_common::map::arguments::ArgumentRules;
use guard_common::map::cell::Cell;
use guard_common::map::enrol::EnrolRule;
use guard_common::map::zone::{Mark, NameKind};

/// One inode as the kernel's walk sees it: the kernel's device number `(major << 20) | minor`, with
/// `guard_common::map::zone::DEV_OF_DIRECTORY` where it is a directory, and
/// the inode number.
pub type InodeKey = (u32, u64);

/// Every row of one generation, each list in ascending order and without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// (profile, zone) to verdicts. Every cell of the slot that is not here must be written empty.
    pub cells: Vec<(u16, u16, Cell)>,
    /// Marked objects.
    pub marks: Vec<(InodeKey, Mark)>,
    /// (directory, name, NUL-padded) to the mark of what stands under that name, whatever its inode. The
    /// directory's own mark carries `MARK_HAS_CHILDREN`.
    pub children: Vec<(InodeKey, [u8; CHILD_NAME_LEN_MAX], Mark)>,
    /// Name rules, text without `*`.
    pub names: Vec<(NameKind, Vec<u8>, Mark)>,
    /// Address rules.
    pub addresses: Vec<AddressRow>,
    /// (profile, zone) to the rules on what its programs are started with.
    pub arguments: Vec<(u16, u16, ArgumentRules)>,
    /// SHA-256 of programs to their mark.
    pub digests: Vec<([u8; 32], Mark)>,
    /// Enrolments, in the order in which they are asked.
    pub enrol: Vec<EnrolRule>,
    /// Programs that set agents up: (folder, name, NUL-padded).
    pub launchers: Vec<(InodeKey, [u8; CHILD_NAME_LEN_MAX])>,
}

/// One address rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRow {
    /// `IPPROTO_*`, 0 for any.
    pub protocol: u8,
    /// Port in host byte order, 0 for any.
    pub port: u16,
    /// Network address, IPv4 in its mapped form (`::ffff:a.b.c.d`).
    pub address: Ipv6Addr,
    /// Bits of `address` that count, of 128 (IPv4 prefixes count 96 more).
    pub prefix_len: u8,
    /// Zone of the peers that match.
    pub zone: u16,
}

/// The zone of the peers that a rule names best: the longest address prefix; among equals the rule that names port and
/// protocol, then port, then protocol, then neither.
pub fn zone_of_address(rules: &[AddressRow], address: IpAddr, port: u16, protocol: u8) -> Option<u16> {
    let address = u128::from(match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    });
    let inside = |row: &&AddressRow| {
        let difference = address ^ u128::from(row.address);
        (row.port == 0 || row.port == port)
            && (row.protocol == 0 || row.protocol == protocol)
            && difference.leading_zeros() >= u32::from(row.prefix_len)
    };
    let by_rank = |row: &&AddressRow| (row.prefix_len, row.port != 0, row.protocol != 0);
    rules.iter().filter(inside).max_by_key(by_rank).map(|row| row.zone)
}
