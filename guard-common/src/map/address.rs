//! Where a peer is: longest prefix over the address, exact or any port, exact or any protocol.
//!
//! The trie's key begins with what must match exactly. A hook asks up to four times, from (port, protocol)
//! to (any, any), and takes the answer with the longest address prefix; among equals the first asked.

/// A key's data, most significant byte first; `prefix_len` counts from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct AddressKey {
    /// Generation slot.
    pub slot: u8,
    /// Protocol (`IPPROTO_*`), or 0 for any.
    pub protocol: u8,
    /// Port in network byte order, or 0 for any.
    pub port: [u8; 2],
    /// IPv6 address, IPv4 in its mapped form (`::ffff:a.b.c.d`).
    pub addr: [u8; 16],
}

/// Bits of the key before the address.
pub const ADDRESS_KEY_HEAD_BITS: u32 = 32;

/// What a rule says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct AddressRule {
    /// Zone of the peer.
    pub zone: u16,
    /// Length of the rule's address prefix, 0 to 128 (IPv4 prefixes count 96 more).
    pub prefix_len: u8,
    /// Zero.
    pub pad: u8,
}

const _: () = {
    assert!(size_of::<AddressKey>() == 20);
    assert!(size_of::<AddressRule>() == 4);
};
