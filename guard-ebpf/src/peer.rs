//! Where a peer is: the zone of a network address or of a unix socket's name.

use aya_ebpf::btf_maps::lpm_trie::Key;
use guard_common::map::address::{ADDRESS_BITS, ADDRESS_KEY_HEAD_BITS, AddressKey, AddressRule};
use guard_common::{Operation, Reason, ZoneId};

use crate::fail::{self, Fault};
use crate::kernel::{Sock, offset, raw};
use crate::maps::{ADDRESS_HEADS, ADDRESSES, NETWORKS};
use crate::subject::Subject;

pub const AF_UNIX: u16 = 1;
const AF_UNSPEC: u16 = 0;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const AF_NETLINK: u16 = 16;
const NETLINK_ROUTE: u16 = 0;
const IPPROTO_ICMP: u16 = 1;
const IPPROTO_TCP: u16 = 6;
const IPPROTO_UDP: u16 = 17;
const IPPROTO_ICMPV6: u16 = 58;
const IPPROTO_MPTCP: u16 = 262;

/// A peer, or why there is none to judge.
#[derive(Clone, Copy)]
pub struct Peer {
    pub addr: [u8; 16],
    /// Network byte order.
    pub port: u16,
    pub family: u16,
    pub protocol: u16,
    /// 0 an address to judge; 1 nothing to judge here; else 2 and the reason above it.
    state: u16,
}

const JUDGE: u16 = 0;
const PASS: u16 = 1;
const REFUSE: u16 = 2;

impl Peer {
    #[inline(always)]
    fn pass(family: u16) -> Self {
        Self { addr: [0; 16], port: 0, family, protocol: 0, state: PASS }
    }

    #[inline(always)]
    fn refuse(family: u16, protocol: u16, reason: Reason) -> Self {
        Self { addr: [0; 16], port: 0, family, protocol, state: REFUSE | ((reason as u16) << 8) }
    }

    #[inline(always)]
    pub fn has_address(&self) -> bool {
        self.state == JUDGE
    }

    /// Refuses what no rule can name.
    #[inline(always)]
    pub fn is_known(&self) -> Result<(), Reason> {
        if self.state & 0xff != REFUSE {
            return Ok(());
        }
        let reason = self.state >> 8;
        Err(if reason == Reason::UnknownFamily as u16 {
            Reason::UnknownFamily
        } else if reason == Reason::MalformedAddress as u16 {
            Reason::MalformedAddress
        } else {
            Reason::KernelFault
        })
    }

    /// An address as it is. `0.0.0.0` too: to wait there is to wait at every address, and what goes there goes to the
    /// address that the socket, the call or the way out has, loopback only where none of them has one.
    #[inline(always)]
    fn at(addr: [u8; 16], port: u16, family: u16, protocol: u16) -> Self {
        Self { addr, port, family, protocol, state: JUDGE }
    }

    #[inline(always)]
    fn v6(addr: [u8; 16], port: u16, protocol: u16) -> Self {
        let [_, _, _, _, _, _, _, _, _, _, x, y, a, b, c, d] = addr;
        let head =
            u64::from_ne_bytes([addr[0], addr[1], addr[2], addr[3], addr[4], addr[5], addr[6], addr[7]]);
        let mut peer = Self { addr, port, family: AF_INET6, protocol, state: JUDGE };
        if head == 0 && addr[8] | addr[9] == 0 {
            if x == 0xff && y == 0xff {
                return peer;
            }
            if x | y | a | b | c | d == 0 {
                peer.addr[15] = 1;
            }
        }
        peer
    }
}

/// The protocol that rules speak of; `None` for one that chooses peers in ways of its own, as SCTP does.
#[inline(always)]
fn protocol(sock: Sock) -> Option<u16> {
    match sock.protocol() {
        IPPROTO_MPTCP => Some(IPPROTO_TCP),
        protocol @ (IPPROTO_ICMP | IPPROTO_TCP | IPPROTO_UDP | IPPROTO_ICMPV6) => Some(protocol),
        _ => None,
    }
}

/// The peer that a call names, from the kernel's copy of its address.
#[inline(always)]
pub fn named(sock: Sock, address: u64, len: i32, operation: Operation) -> Peer {
    let own = sock.family();
    if own == AF_UNIX {
        // Judged by the hooks of unix sockets, which see the peer itself.
        return Peer::pass(AF_UNIX);
    }
    if own == AF_NETLINK {
        return netlink(sock);
    }
    let Some(protocol) = protocol(sock) else {
        return Peer::refuse(own, 0, Reason::UnknownFamily);
    };
    if own != AF_INET && own != AF_INET6 {
        return Peer::refuse(own, protocol, Reason::UnknownFamily);
    }
    if len < 2 {
        return Peer::refuse(own, protocol, Reason::MalformedAddress);
    }
    let Some(family) = raw::try_read::<u16>(address).filter(|_| !fail::injected(Fault::AddressRead)) else {
        return Peer::refuse(own, protocol, fail::closed(Fault::AddressRead, 0));
    };
    let family = if family == AF_UNSPEC {
        // connect: ends an association. sendmsg: taken for AF_INET by v4 sockets; by v6 ones for nothing, or for
        // AF_INET6 where they are raw.
        if operation as u16 == Operation::Connect as u16 {
            return Peer::pass(own);
        }
        if own == AF_INET6 {
            return Peer::refuse(own, protocol, Reason::MalformedAddress);
        }
        AF_INET
    } else {
        family
    };
    if family == AF_INET {
        if len < 16 {
            return Peer::refuse(family, protocol, Reason::MalformedAddress);
        }
        let (Some(port), Some(addr)) =
            (raw::try_read::<u16>(address + 2), raw::try_read::<[u8; 4]>(address + 4))
        else {
            return Peer::refuse(family, protocol, fail::closed(Fault::AddressRead, 0));
        };
        return Peer::at(mapped(addr), port, AF_INET, protocol);
    }
    if family == AF_INET6 {
        if len < 24 {
            return Peer::refuse(family, protocol, Reason::MalformedAddress);
        }
        let (Some(port), Some(addr)) =
            (raw::try_read::<u16>(address + 2), raw::try_read::<[u8; 16]>(address + 8))
        else {
            return Peer::refuse(family, protocol, fail::closed(Fault::AddressRead, 0));
        };
        return Peer::v6(addr, port, protocol);
    }
    Peer::refuse(family, protocol, Reason::UnknownFamily)
}

/// The peer that a socket is connected to.
#[inline(always)]
pub fn connected(sock: Sock) -> Peer {
    let family = sock.family();
    if family == AF_UNIX {
        return Peer::pass(AF_UNIX);
    }
    if family == AF_NETLINK {
        return netlink(sock);
    }
    let Some(protocol) = protocol(sock) else {
        return Peer::refuse(family, 0, Reason::UnknownFamily);
    };
    if fail::injected(Fault::AddressRead) {
        return Peer::refuse(family, protocol, Reason::KernelFault);
    }
    let port = sock.peer_port();
    if family == AF_INET {
        let addr = sock.peer_v4();
        if port == 0 && addr == [0; 4] {
            // No peer: the kernel refuses the send itself.
            return Peer::pass(family);
        }
        return Peer::at(mapped(addr), port, family, protocol);
    }
    if family == AF_INET6 {
        let Some(addr) = sock.peer_v6() else {
            return Peer::refuse(family, protocol, fail::closed(Fault::AddressRead, 0));
        };
        if port == 0 && addr == [0; 16] {
            return Peer::pass(family);
        }
        return Peer::v6(addr, port, protocol);
    }
    Peer::refuse(family, protocol, Reason::UnknownFamily)
}

/// Whether a socket that is connected sends there, whatever address a call names.
#[inline(always)]
pub fn ignores_names(sock: Sock) -> bool {
    let family = sock.family();
    (family == AF_INET || family == AF_INET6) && protocol(sock) == Some(IPPROTO_TCP)
}

/// Whether agents may have such a socket at all. Raw ones choose headers by themselves; families and protocols
/// that nobody judges stay shut.
#[inline(always)]
pub fn may_be_made(family: u32, kind: u32, protocol: u32) -> bool {
    const SOCK_STREAM: u32 = 1;
    const SOCK_DGRAM: u32 = 2;
    let protocol = protocol as u16;
    if family == u32::from(AF_UNIX) {
        return true;
    }
    if family == u32::from(AF_NETLINK) {
        return protocol == NETLINK_ROUTE;
    }
    if family != u32::from(AF_INET) && family != u32::from(AF_INET6) {
        return false;
    }
    let is_ordinary = kind & 0xf == SOCK_STREAM || kind & 0xf == SOCK_DGRAM;
    is_ordinary
        && (protocol == 0
            || protocol == IPPROTO_ICMP
            || protocol == IPPROTO_TCP
            || protocol == IPPROTO_UDP
            || protocol == IPPROTO_ICMPV6
            || protocol == IPPROTO_MPTCP)
}

/// The address that a socket is to have, from the kernel's copy.
#[inline(always)]
pub fn bound(sock: Sock, address: u64, len: i32) -> Peer {
    let own = sock.family();
    if own != AF_INET && own != AF_INET6 {
        // A unix socket's name is judged where it is made; netlink has none.
        return Peer::pass(own);
    }
    if len < 8 {
        // Too short for an address: the kernel refuses it.
        return Peer::pass(own);
    }
    let family = raw::try_read::<u16>(address).filter(|_| !fail::injected(Fault::AddressRead));
    let (Some(family), Some(port)) = (family, raw::try_read::<u16>(address + 2)) else {
        return Peer::refuse(own, 0, fail::closed(Fault::AddressRead, 0));
    };
    if port == 0 {
        return Peer::pass(own);
    }
    let protocol = protocol(sock).unwrap_or(0);
    if family == AF_INET6 {
        let Some(addr) = raw::try_read::<[u8; 16]>(address + 8) else {
            return Peer::refuse(own, protocol, fail::closed(Fault::AddressRead, 0));
        };
        return Peer::at(addr, port, AF_INET6, protocol);
    }
    // AF_UNSPEC is taken for AF_INET.
    let Some(addr) = raw::try_read::<[u8; 4]>(address + 4) else {
        return Peer::refuse(own, protocol, fail::closed(Fault::AddressRead, 0));
    };
    Peer::at(mapped(addr), port, AF_INET, protocol)
}

/// The address that a socket has.
#[inline(always)]
pub fn local(sock: Sock) -> Peer {
    let family = sock.family();
    if family == AF_UNIX {
        return Peer::pass(AF_UNIX);
    }
    let Some(protocol) = protocol(sock) else {
        return Peer::refuse(family, 0, Reason::UnknownFamily);
    };
    if fail::injected(Fault::AddressRead) {
        return Peer::refuse(family, protocol, Reason::KernelFault);
    }
    let port = sock.local_port().to_be();
    if family == AF_INET {
        return Peer::at(mapped(sock.local_v4()), port, family, protocol);
    }
    if family == AF_INET6 {
        let Some(addr) = sock.local_v6() else {
            return Peer::refuse(family, protocol, fail::closed(Fault::AddressRead, 0));
        };
        return Peer::at(addr, port, family, protocol);
    }
    Peer::refuse(family, protocol, Reason::UnknownFamily)
}

#[inline(always)]
fn mapped([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}

/// Asking the kernel for its addresses and routes is part of every name look-up; other netlink families are
/// doors of their own.
#[inline(always)]
fn netlink(sock: Sock) -> Peer {
    if sock.protocol() == NETLINK_ROUTE {
        Peer::pass(AF_NETLINK)
    } else {
        Peer::refuse(AF_NETLINK, sock.protocol(), Reason::UnknownFamily)
    }
}

/// The zone of an address: the longest prefix wins, then the more specific port, then the protocol.
#[inline(always)]
pub fn zone(subject: &Subject, peer: &Peer) -> Result<u32, Reason> {
    match look_up(&peer.addr, u32::from(peer.port), u32::from(peer.protocol), subject.slot()) {
        FAULT => Err(fail::closed(Fault::ArrayRow, 0)),
        zone => Ok(zone),
    }
}

/// Which rules there are is not known.
const FAULT: u32 = u32::MAX;

#[inline(never)]
fn look_up(addr: &[u8; 16], port: u32, protocol: u32, slot: u32) -> u32 {
    let heads = ADDRESS_HEADS.get(slot).copied().unwrap_or_default();
    if heads.is_whole == 0 {
        return FAULT;
    }
    let (port, protocol) = ((port as u16).to_ne_bytes(), protocol as u8);
    let mut key = Key::new(
        ADDRESS_KEY_HEAD_BITS + u32::from(ADDRESS_BITS),
        AddressKey { slot: slot as u8, protocol, port, addr: *addr },
    );
    let found = whole(&key.data, heads.addresses)
        .or_else(|| whole(about(&mut key, port, 0), heads.addresses))
        .or_else(|| whole(about(&mut key, [0, 0], protocol), heads.addresses))
        .or_else(|| whole(about(&mut key, [0, 0], 0), heads.addresses));
    if let Some(zone) = found {
        return zone;
    }
    if heads.networks == 0 {
        return u32::from(ZoneId::ELSEWHERE.0);
    }
    about(&mut key, port, protocol);
    let mut best = network(&key, heads.networks);
    about(&mut key, port, 0);
    better(&mut best, network(&key, heads.networks));
    about(&mut key, [0, 0], protocol);
    better(&mut best, network(&key, heads.networks));
    about(&mut key, [0, 0], 0);
    better(&mut best, network(&key, heads.networks));
    if best.zone == 0 { u32::from(ZoneId::ELSEWHERE.0) } else { u32::from(best.zone) }
}

/// Asks about another port and protocol.
#[inline(always)]
fn about(key: &mut Key<AddressKey>, port: [u8; 2], protocol: u8) -> &AddressKey {
    (key.data.port, key.data.protocol) = (port, protocol);
    &key.data
}

/// The zone of a rule for this very address.
#[inline(always)]
fn whole(key: &AddressKey, heads: u32) -> Option<u32> {
    if heads & key.head() == 0 {
        return None;
    }
    // SAFETY: copied at once.
    unsafe { ADDRESSES.get(key) }.copied()
}

/// The rule for the smallest network around this address.
#[inline(always)]
fn network(key: &Key<AddressKey>, heads: u32) -> AddressRule {
    if heads & key.data.head() == 0 {
        return AddressRule::default();
    }
    NETWORKS.get(key).copied().unwrap_or_default()
}

#[inline(always)]
fn better(best: &mut AddressRule, other: AddressRule) {
    if other.zone != 0 && (best.zone == 0 || other.prefix_len > best.prefix_len) {
        *best = other;
    }
}

/// A unix socket's name.
#[derive(Clone, Copy)]
pub struct UnixName {
    /// Bound to a name at all.
    pub is_bound: bool,
    /// Where in the file system; no dentry for a name in the abstract namespace.
    pub place: raw::Place,
}

/// The name that a unix socket is bound to.
#[inline(always)]
pub fn unix_name(sock: Sock) -> Result<UnixName, Reason> {
    let address = sock.address();
    let bound = raw::try_read::<u64>(address + offset::OFF_UNIX_SOCK_ADDR);
    let Some(bound) = bound.filter(|_| !fail::injected(Fault::AddressRead)) else {
        return Err(fail::closed(Fault::AddressRead, 0));
    };
    let place = raw::Place {
        dentry: raw::read(address + offset::OFF_UNIX_SOCK_PATH_DENTRY),
        mount: raw::read(address + offset::OFF_UNIX_SOCK_PATH_MNT),
    };
    Ok(UnixName { is_bound: bound != 0, place })
}

/// The name that a unix socket's peer is bound to.
#[inline(always)]
pub fn unix_peer_name(sock: Sock) -> Result<UnixName, Reason> {
    let Some(peer) = raw::try_read::<u64>(sock.address() + offset::OFF_UNIX_SOCK_PEER) else {
        return Err(fail::closed(Fault::AddressRead, 0));
    };
    if peer == 0 {
        return Ok(UnixName { is_bound: false, place: raw::Place { dentry: 0, mount: 0 } });
    }
    unix_name(Sock(peer as *const _))
}
