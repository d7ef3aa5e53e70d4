//! The rows of the kernel's tables, and that asking them as the programs do finds what the policy says.

use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::policy::rows::zone_of_address;

const ANY: u32 = 0b1000;
const PROTOCOL: u32 = 0b0100;
const PORT: u32 = 0b0010;
const PORT_AND_PROTOCOL: u32 = 0b0001;

fn row(protocol: u8, port: u16, address: &str, prefix_len: u8, zone: u16) -> AddressRow {
    AddressRow { protocol, port, address: address.parse().unwrap(), prefix_len, zone }
}

#[test]
fn a_network_lies_in_the_trie_under_slot_protocol_and_port() {
    let tables = AddressTables::of(1, &[row(6, 443, "::ffff:10.1.0.0", 112, 7)]).unwrap();
    assert!(tables.addresses.is_empty());
    let [(key, rule)] = tables.networks.as_slice() else { panic!("{tables:?}") };
    assert_eq!((key.slot, key.protocol, key.port), (1, 6, [1, 187]));
    assert_eq!(*rule, AddressRule { zone: 7, prefix_len: 112, pad: 0 });
    assert_eq!(tables.heads, AddressHeads { is_whole: 1, addresses: 0, networks: PORT_AND_PROTOCOL });
}

#[test]
fn a_whole_address_of_either_family_lies_in_the_hash() {
    let rows = [row(17, 0, "::ffff:10.0.0.5", 128, 7), row(0, 53, "2001:db8::1", 128, 8)];
    let tables = AddressTables::of(0, &rows).unwrap();
    assert!(tables.networks.is_empty());
    let zones: Vec<_> = tables.addresses.iter().map(|(key, zone)| (key.slot, key.port, *zone)).collect();
    assert_eq!(zones, [(0, [0, 0], 7), (0, [0, 53], 8)]);
    assert_eq!(tables.heads, AddressHeads { is_whole: 1, addresses: PROTOCOL | PORT, networks: 0 });
}

#[test]
fn one_bit_less_than_an_address_is_a_network() {
    let tables = AddressTables::of(0, &[row(0, 0, "2001:db8::2", 127, 9)]).unwrap();
    assert_eq!((tables.addresses.len(), tables.networks.len()), (0, 1));
    assert_eq!(tables.heads, AddressHeads { is_whole: 1, addresses: 0, networks: ANY });
}

#[test]
fn no_rules_are_said_to_be_all_there_and_nothing_written_is_not() {
    let heads = AddressTables::of(0, &[]).unwrap().heads;
    assert_eq!(heads, AddressHeads { is_whole: 1, addresses: 0, networks: 0 });
    assert_eq!(AddressHeads::default().is_whole, 0);
}

#[test]
fn a_prefix_longer_than_an_address_is_refused() {
    let refused = AddressTables::of(0, &[row(0, 0, "::1", 129, 9)]);
    assert!(matches!(refused, Err(MapFailure::Refused { .. })), "{refused:?}");
}

/// A peer's address, port and protocol.
type Peer = (Ipv6Addr, u16, u8);

/// What a program asks, in this order.
fn questions((address, port, protocol): Peer) -> [AddressKey; 4] {
    [(port, protocol), (port, 0), (0, protocol), (0, 0)].map(|(port, protocol)| AddressKey {
        slot: 1,
        protocol,
        port: port.to_be_bytes(),
        addr: address.octets(),
    })
}

fn same_bits(one: &AddressKey, other: &AddressKey) -> u32 {
    (u128::from_be_bytes(one.addr) ^ u128::from_be_bytes(other.addr)).leading_zeros()
}

/// The trie's answer: the longest prefix under this very head.
fn in_trie(networks: &[(AddressKey, AddressRule)], asked: &AddressKey) -> Option<AddressRule> {
    let head = |key: &AddressKey| (key.slot, key.protocol, key.port);
    networks
        .iter()
        .filter(|(key, rule)| head(key) == head(asked) && same_bits(key, asked) >= u32::from(rule.prefix_len))
        .max_by_key(|(_, rule)| rule.prefix_len)
        .map(|(_, rule)| *rule)
}

/// The first of the longest.
fn best(answers: impl Iterator<Item = AddressRule>) -> Option<u16> {
    let better = |best: AddressRule, other: AddressRule| {
        if other.prefix_len > best.prefix_len { other } else { best }
    };
    answers.reduce(better).map(|rule| rule.zone)
}

/// As the programs ask: see `guard-ebpf/src/peer.rs`.
fn found(tables: &AddressTables, peer: Peer) -> Option<u16> {
    let AddressTables { addresses, networks, heads } = tables;
    let questions = questions(peer);
    let whole = questions.iter().filter(|key| heads.addresses & key.head() != 0);
    let whole = whole.filter_map(|key| addresses.iter().find(|(known, _)| known == key));
    if let Some((_, zone)) = whole.into_iter().next() {
        return Some(*zone as u16);
    }
    let asked = questions.iter().filter(|key| heads.networks & key.head() != 0);
    best(asked.filter_map(|key| in_trie(networks, key)))
}

/// The same by one trie of all rules, asked about everything.
fn found_in_one_trie(rows: &[AddressRow], peer: Peer) -> Option<u16> {
    let rule = |row: &AddressRow| AddressRule { zone: row.zone, prefix_len: row.prefix_len, pad: 0 };
    let key = |row: &AddressRow| questions((row.address, row.port, row.protocol))[0];
    let all: Vec<_> = rows.iter().map(|row| (key(row), rule(row))).collect();
    best(questions(peer).iter().filter_map(|key| in_trie(&all, key)))
}

/// Few ports and protocols, and addresses that share bits, so that rules and peers meet.
fn address() -> impl Strategy<Value = Ipv6Addr> {
    (0_u32..8, any::<bool>()).prop_map(|(host, is_v4)| {
        let v4 = std::net::Ipv4Addr::from(0x0a00_0000 | host);
        if is_v4 { v4.to_ipv6_mapped() } else { Ipv6Addr::from(0x2001_0db8 << 96 | u128::from(host)) }
    })
}

fn peer() -> impl Strategy<Value = Peer> {
    (address(), prop::sample::select(&[0_u16, 53, 443][..]), prop::sample::select(&[0_u8, 6, 17][..]))
}

fn rows() -> impl Strategy<Value = Vec<AddressRow>> {
    let prefix_len = prop::sample::select(&[0_u8, 32, 96, 125, 126, 127, 128, 128, 128][..]);
    let written = prop::collection::vec((peer(), prefix_len), 0..12);
    written.prop_map(|written| {
        let mut rows: Vec<AddressRow> = written
            .iter()
            .map(|((address, port, protocol), prefix_len)| {
                let mask = u128::MAX.checked_shl(128 - u32::from(*prefix_len)).unwrap_or(0);
                let address = Ipv6Addr::from(u128::from(*address) & mask);
                AddressRow { protocol: *protocol, port: *port, address, prefix_len: *prefix_len, zone: 0 }
            })
            .collect();
        rows.sort_unstable();
        rows.dedup();
        // A zone of its own for each, so that any other answer shows.
        rows.iter_mut().zip(16..).for_each(|(row, zone)| row.zone = zone);
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn programs_find_the_zone_that_the_policy_says(rows in rows(), peer in peer()) {
        let tables = AddressTables::of(1, &rows).unwrap();
        let (address, port, protocol) = peer;
        let said = zone_of_address(&rows, IpAddr::V6(address), port, protocol);
        prop_assert_eq!(found(&tables, peer), said);
        prop_assert_eq!(found_in_one_trie(&rows, peer), said);
    }
}
