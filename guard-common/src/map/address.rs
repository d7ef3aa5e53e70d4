//! Where a peer is: longest prefix over the address, exact or any port, exact or any protocol.
//!
//! A key begins with its *head*, what must match exactly: slot, protocol and port. A hook asks up to four times, from
//! (port, protocol) to (any, any), and takes the answer with the longest address prefix; among equals the first asked.
//! Rules for one whole address have the longest prefix there is, and a hash table of their own: the first answer there
//! is the answer. Only where there is none are networks asked. What no rule could answer is not asked.

/// A key, or a key's data where the prefix counts: most significant byte first, from its start.
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

/// Bits of a whole address.
pub const ADDRESS_BITS: u8 = 128;

impl AddressKey {
    /// The bit in [`AddressHeads`] of what this key names beside its address. A peer without a port or a protocol has
    /// the head of the rules that name none: these are what its key finds.
    #[inline(always)]
    pub const fn head(&self) -> u32 {
        let port = if self.port[0] | self.port[1] == 0 { 2 } else { 0 };
        let protocol = if self.protocol == 0 { 1 } else { 0 };
        1 << (port + protocol)
    }
}

/// What a rule for a network says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct AddressRule {
    /// Zone of the peer.
    pub zone: u16,
    /// Length of the rule's address prefix, 0 to 127 (IPv4 prefixes count 96 more).
    pub prefix_len: u8,
    /// Zero.
    pub pad: u8,
}

/// Which heads have rules in one generation, so that questions without an answer cost nothing. Bits are
/// [`AddressKey::head`]'s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct AddressHeads {
    /// 1 where all rules of the slot are written. Without it, a row that says of no head that it has rules would be
    /// believed.
    pub is_whole: u32,
    /// Heads of rules for whole addresses.
    pub addresses: u32,
    /// Heads of rules for networks.
    pub networks: u32,
}

const _: () = {
    assert!(size_of::<AddressKey>() == 20);
    assert!(size_of::<AddressRule>() == 4);
    assert!(size_of::<AddressHeads>() == 12);
};
