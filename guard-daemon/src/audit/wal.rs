//! RocksDB's logs (write-ahead log, manifest), looked at before RocksDB reads them, for what its reader gets
//! wrong: a record whose kind byte says "of a recycled log" in a log that is none sends it round for ever
//! (rocksdb/db/log_reader.cc: `kBadRecord` is returned with nothing consumed), or, as the first record, passes
//! for the end of the log. guard never recycles logs, so such a byte is damage.
//!
//! The form: blocks of 32 KiB; in each, records of a header (checksum 4 bytes, length 2, kind 1) and a body.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

const BLOCK_BYTES: usize = 32 << 10;
const HEADER_BYTES: usize = 7;

/// How much damage is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// What RocksDB would not survive reading.
    Survival,
    /// What it would pass over in silence as well: an empty header in the place of a record.
    Silence,
}

/// Looks at every log in a database's folder; says what is wrong with the first that is damaged.
pub(super) fn check(folder: &Path, care: Care) -> io::Result<Result<(), String>> {
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.ends_with(".log") && !name.starts_with("MANIFEST-") {
            continue;
        }
        // A daemon beside may just have removed it.
        let Some(mut log) = File::open(&path).map(Some).or_else(absent)? else { continue };
        if let Some(at) = damage(&mut log, care)? {
            return Ok(Err(format!("{name} holds no record where one must be, at byte {at}")));
        }
    }
    Ok(Ok(()))
}

fn absent<T>(error: io::Error) -> io::Result<Option<T>> {
    if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) }
}

fn damage(log: &mut impl Read, care: Care) -> io::Result<Option<u64>> {
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    let mut from = 0;
    loop {
        block.clear();
        log.take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
        if let Some(at) = damage_in(&block, care) {
            return Ok(Some(from + at as u64));
        }
        if block.len() < BLOCK_BYTES {
            return Ok(None);
        }
        from += BLOCK_BYTES as u64;
    }
}

/// Where a block holds what must not be there.
fn damage_in(block: &[u8], care: Care) -> Option<usize> {
    let mut at = 0;
    while let Some(([_, _, _, _, l0, l1, kind], rest)) = block[at..].split_first_chunk::<HEADER_BYTES>() {
        let length = usize::from(u16::from_le_bytes([*l0, *l1]));
        match kind {
            // RocksDB comes here only if every record before it is good; else it drops the block, and says so.
            5..=8 | 11 | 131 => return is_good(&block[..at]).then_some(at),
            0 if length == 0 => return (care == Care::Silence).then_some(at),
            _ => {}
        }
        if rest.len() < length {
            return None;
        }
        at += HEADER_BYTES + length;
    }
    None
}

/// Whether the checksums of these whole records are right.
fn is_good(mut records: &[u8]) -> bool {
    while let Some(([c0, c1, c2, c3, l0, l1, _], rest)) = records.split_first_chunk::<HEADER_BYTES>() {
        let length = usize::from(u16::from_le_bytes([*l0, *l1]));
        let kind_and_body = &records[HEADER_BYTES - 1..HEADER_BYTES + length];
        if u32::from_le_bytes([*c0, *c1, *c2, *c3]) != masked_crc32c(kind_and_body) {
            return false;
        }
        records = &rest[length..];
    }
    true
}

/// CRC-32C (Castagnoli), masked as RocksDB stores it. Bit by bit: it is asked for one block, and only where
/// something is wrong already.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let kind_and_body = [&[kind], body].concat();
        let mut record = masked_crc32c(&kind_and_body).to_le_bytes().to_vec();
        record.extend((body.len() as u16).to_le_bytes());
        record.extend(kind_and_body);
        record
    }

    #[test]
    fn the_checksum_is_crc32c() {
        // RFC 3720 §B.4: 32 bytes of zeros.
        let unmasked = masked_crc32c(&[0; 32]).wrapping_sub(0xa282_ead8).rotate_left(15);
        assert_eq!(unmasked, 0x8a91_36aa);
    }

    #[test]
    fn a_record_of_a_recycled_log_is_damage_where_rocksdb_would_meet_it() {
        let good = [record(1, b"one"), record(1, b"two")].concat();
        for kind in [5, 6, 7, 8, 11, 131] {
            let bad = [good.clone(), record(kind, b"three")].concat();
            assert_eq!(damage(&mut &bad[..], Care::Survival).unwrap(), Some(20), "kind {kind}");
            let mut broken = bad.clone();
            broken[8] ^= 1;
            assert_eq!(damage(&mut &broken[..], Care::Survival).unwrap(), None, "never reached");
        }
        assert_eq!(damage(&mut &good[..], Care::Silence).unwrap(), None);
    }

    #[test]
    fn an_empty_header_is_damage_only_to_who_wants_to_miss_nothing() {
        let log = [record(1, b"one"), vec![0; 100]].concat();
        assert_eq!(damage(&mut &log[..], Care::Survival).unwrap(), None);
        assert_eq!(damage(&mut &log[..], Care::Silence).unwrap(), Some(10));
    }

    proptest::proptest! {
        #[test]
        fn hostile_logs_never_panic(bytes in proptest::collection::vec(0..12u8, 0..300)) {
            let _ = damage(&mut &bytes[..], Care::Silence).unwrap();
        }
    }
}
