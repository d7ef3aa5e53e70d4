//! Address rules as the kernel looks them up: a hash table of whole addresses, a trie of networks, and which heads have
//! rules in either. Owns how the policy's rows become those of a slot; when that may be done, `install` knows.

use aya::maps::Map;
use aya::maps::lpm_trie::{Key, LpmTrie};
use guard_common::limits::ADDRESSES_MAX;
use guard_common::map::address::{
    ADDRESS_BITS, ADDRESS_KEY_HEAD_BITS, AddressHeads, AddressKey, AddressRule,
};
use guard_common::map::name;

use super::failure::MapFailure;
use super::install::{FEWER_RULES, clear_hash};
use super::maps::{Maps, array_mut, insert, write_failed};
use super::plain::Plain;
use crate::policy::rows::AddressRow;

/// The rows of one slot.
#[derive(Debug, Default)]
pub(super) struct AddressTables {
    addresses: Vec<(AddressKey, u32)>,
    /// With the bits of the address that count.
    networks: Vec<(AddressKey, AddressRule)>,
    heads: AddressHeads,
}

impl AddressTables {
    /// Sorts the rules by table; refuses one that none has room for.
    pub(super) fn of(slot: u32, rows: &[AddressRow]) -> Result<Self, MapFailure> {
        let mut tables =
            Self { heads: AddressHeads { is_whole: 1, ..Default::default() }, ..Self::default() };
        for row in rows {
            let key = AddressKey {
                slot: u8::from(slot == 1),
                protocol: row.protocol,
                port: row.port.to_be_bytes(),
                addr: row.address.octets(),
            };
            if row.prefix_len > ADDRESS_BITS {
                let bits = row.prefix_len;
                let what = format!("an address prefix has {bits} bits; at most {ADDRESS_BITS} are possible");
                return Err(MapFailure::Refused { map: name::NETWORKS, what });
            }
            if row.prefix_len == ADDRESS_BITS {
                tables.heads.addresses |= key.head();
                tables.addresses.push((key, row.zone.into()));
            } else {
                tables.heads.networks |= key.head();
                let rule = AddressRule { zone: row.zone, prefix_len: row.prefix_len, pad: 0 };
                tables.networks.push((key, rule));
            }
        }
        Ok(tables)
    }
}

impl Maps {
    /// Which heads there are is written last: it says that the rules are all there.
    pub(super) fn write_addresses(&mut self, slot: u32, rows: &[AddressRow]) -> Result<(), MapFailure> {
        let AddressTables { addresses, networks, heads } = AddressTables::of(slot, rows)?;
        for (key, zone) in addresses {
            let row = (Plain(key), zone);
            insert(&mut self.addresses, name::ADDRESSES, row, ADDRESSES_MAX, FEWER_RULES)?;
        }
        let mut trie = trie(&mut self.networks)?;
        for (key, rule) in networks {
            let bits = ADDRESS_KEY_HEAD_BITS + u32::from(rule.prefix_len);
            trie.insert(&Key::new(bits, Plain(key)), Plain(rule), 0)
                .map_err(|error| write_failed(name::NETWORKS, error, ADDRESSES_MAX, FEWER_RULES))?;
        }
        self.write_heads(slot, heads)
    }

    /// Removes what is in the slot, after what says that it is all there.
    pub(super) fn clear_addresses(&mut self, slot: u32) -> Result<(), MapFailure> {
        self.write_heads(slot, AddressHeads::default())?;
        let is_stale = |key: &AddressKey| u32::from(key.slot) == slot;
        clear_hash::<AddressKey, u32>(&mut self.addresses, name::ADDRESSES, is_stale)?;
        let mut trie = trie(&mut self.networks)?;
        let stale = trie.keys().filter(|key| key.as_ref().map_or(true, |key| is_stale(&key.data().0)));
        let stale: Vec<_> = stale
            .collect::<Result<_, _>>()
            .map_err(|error| MapFailure::call(name::NETWORKS, "read", error))?;
        for key in stale {
            trie.remove(&key).map_err(|error| MapFailure::call(name::NETWORKS, "remove", error))?;
        }
        Ok(())
    }

    fn write_heads(&mut self, slot: u32, heads: AddressHeads) -> Result<(), MapFailure> {
        array_mut::<Plain<AddressHeads>>(&mut self.address_heads, name::ADDRESS_HEADS)?
            .set(slot, Plain(heads), 0)
            .map_err(|error| MapFailure::call(name::ADDRESS_HEADS, "write", error))
    }
}

type Networks<'map> = LpmTrie<&'map mut aya::maps::MapData, Plain<AddressKey>, Plain<AddressRule>>;

fn trie(map: &mut Map) -> Result<Networks<'_>, MapFailure> {
    LpmTrie::try_from(map)
        .map_err(|error| MapFailure::Foreign { map: name::NETWORKS, cause: error.to_string() })
}

#[cfg(test)]
mod tests;
