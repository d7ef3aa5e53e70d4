//! The Merkle tree of RFC 6962 §2.1, as much of it as an append needs: hashes, and the frontier that gives the
//! root at every size. Knows nothing of entries, signatures or storage.

use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// RFC 6962 §2.1: leaf hash is SHA-256(0x00 || entry).
pub(super) fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// RFC 6962 §2.1: node hash is SHA-256(0x01 || left || right).
pub(super) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The roots of the complete subtrees that a tree of this size is made of, largest first: one for each bit
/// set in `size`. At most 64 * 32 B = 2 KiB however long the ledger grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Leaves so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub(super) fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("one peak stands for each bit of the size");
            node = node_hash(&left, &node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root; RFC 6962 §2.1 sets that of no leaves to SHA-256 of nothing.
    pub(super) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// Size (8 bytes, big-endian), then the peaks.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend(self.peaks.iter().flatten());
        bytes
    }

    /// The inverse of [`Self::to_bytes`]; `None` for bytes that are no frontier.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk()?;
        let size = u64::from_be_bytes(*size);
        let (peaks, remainder) = rest.as_chunks();
        let whole = remainder.is_empty() && peaks.len() == size.count_ones() as usize;
        whole.then(|| Self { size, peaks: peaks.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    use super::*;

    /// The eight entries of the CT reference implementation's test tree, and its root at each size.
    const KNOWN: [(&str, &str); 8] = [
        ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (
            "606162636465666768696a6b6c6d6e6f",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ];

    /// RFC 6962 §2.1 word for word: split at the largest power of two smaller than n.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&naive_root(left), &naive_root(right))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_reference_implementation() {
        let mut tree = Frontier::default();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex::encode(tree.root()), empty);
        for (entry, root) in KNOWN {
            tree.push(leaf_hash(&hex::decode(entry).unwrap()));
            assert_eq!(hex::encode(tree.root()), root, "at size {}", tree.size());
        }
    }

    proptest! {
        #[test]
        fn the_root_at_any_size_is_the_definition(entries in prop::collection::vec(any::<[u8; 4]>(), 0..300)) {
            let mut tree = Frontier::default();
            let mut independent = MemoryBackedTree::<Sha256, [u8; 4]>::new();
            let mut leaves = Vec::new();
            for entry in entries {
                tree.push(leaf_hash(&entry));
                independent.push(entry);
                leaves.push(leaf_hash(&entry));
                prop_assert_eq!(tree.root(), naive_root(&leaves));
                prop_assert_eq!(tree.root(), <Hash>::from(*independent.root().as_bytes()));
                prop_assert_eq!(Some(tree.clone()), Frontier::from_bytes(&tree.to_bytes()));
            }
        }

        #[test]
        fn hostile_frontier_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(tree) = Frontier::from_bytes(&bytes) {
                prop_assert_eq!(tree.to_bytes(), bytes);
            }
        }
    }
}
