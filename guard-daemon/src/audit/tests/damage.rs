//! Damage beneath the database: flipped bytes, cut and missing files. Verification gives a verdict, never a
//! panic, and is never content with less than was there.

use std::fs;
use std::path::PathBuf;

use super::*;

/// Where the byte is flipped, in parts of the file's length.
const PLACES: u64 = 16;

/// The database's files, without RocksDB's own notes.
fn files(scene: &Scene) -> Vec<PathBuf> {
    let names = fs::read_dir(scene.place.database()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = names.filter(|path| path.file_name().unwrap() != "LOG").collect();
    files.sort();
    files
}

/// A copy of a ledger as a power cut would leave it: everything in the write-ahead log.
fn unflushed() -> Scene {
    let scene = Scene::new();
    let mut ledger = scene.open();
    for first in [0, 1, 30, 60] {
        ledger.append((first..first + 30).map(|i| Pending::durable(decision(i))).collect()).unwrap();
    }
    ledger.tick();
    scene.copy()
}

/// Damages each file of copies of a ledger, and looks at what verification says.
fn damage_each(original: &Scene, with_anchor: bool, damage: impl Fn(&mut Vec<u8>, u64)) -> usize {
    let whole = original.verify();
    assert!(whole.is_clean(), "{whole:?}");
    let mut found = 0;
    for name in files(original) {
        for place in 0..PLACES {
            let scene = original.copy();
            let path = scene.place.database().join(name.file_name().unwrap());
            let mut bytes = fs::read(&path).unwrap();
            if bytes.is_empty() {
                continue;
            }
            damage(&mut bytes, place);
            fs::write(&path, bytes).unwrap();
            if !with_anchor {
                fs::remove_file(scene.place.anchor()).unwrap();
            }
            let report = match verify(&scene.place, &original.key()) {
                Ok(report) => report,
                // Without the anchor nothing tells that what is left of the manifest was a ledger's.
                Err(LedgerError::Foreign { .. }) if !with_anchor => continue,
                Err(error) => panic!("{path:?} at {place}: no verdict: {error:?}"),
            };
            if report.is_clean() {
                assert_eq!(
                    (report.entries, &report.root),
                    (whole.entries, &whole.root),
                    "{path:?} at {place}"
                );
            } else {
                found += 1;
            }
        }
    }
    found
}

fn flip(bytes: &mut [u8], place: u64) {
    let at = (bytes.len() as u64 * place / PLACES) as usize;
    bytes[at] ^= 0x10;
}

fn cut(bytes: &mut Vec<u8>, place: u64) {
    bytes.truncate((bytes.len() as u64 * place / PLACES) as usize);
}

#[test]
fn a_flipped_byte_in_a_table_is_a_verdict() {
    assert!(damage_each(&Scene::with_batches(&[300]), true, |bytes, place| flip(bytes, place)) > 0);
}

#[test]
fn a_flipped_byte_in_the_write_ahead_log_is_a_verdict_even_without_an_anchor() {
    assert!(damage_each(&unflushed(), false, |bytes, place| flip(bytes, place)) > 0);
}

#[test]
fn a_cut_file_is_a_verdict() {
    assert!(damage_each(&Scene::with_batches(&[300]), true, cut) > 0);
    assert!(damage_each(&unflushed(), true, cut) > 0);
}

#[test]
fn a_missing_file_is_a_verdict() {
    for original in [Scene::with_batches(&[300]), unflushed()] {
        let whole = original.verify();
        for name in files(&original) {
            let scene = original.copy();
            fs::remove_file(scene.place.database().join(name.file_name().unwrap())).unwrap();
            let Ok(report) = verify(&scene.place, &original.key()) else { panic!("{name:?}: no verdict") };
            assert!(!report.is_clean() || report.entries == whole.entries, "{name:?}: {report:?}");
        }
    }
}

#[test]
fn every_flipped_byte_of_a_record_in_the_log_is_found() {
    let original = unflushed();
    let log =
        files(&original).into_iter().rfind(|path| path.extension().is_some_and(|e| e == "log")).unwrap();
    let length = fs::metadata(&log).unwrap().len() as usize;
    for at in (0..length).step_by(length / 100) {
        let scene = original.copy();
        let path = scene.place.database().join(log.file_name().unwrap());
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let report = scene.verify();
        assert!(!report.is_clean(), "byte {at}: {report:?}");
    }
}

#[test]
fn a_log_record_made_to_look_like_the_end_is_found_even_without_an_anchor() {
    let original = unflushed();
    fs::remove_file(original.place.anchor()).unwrap();
    let log =
        files(&original).into_iter().rfind(|path| path.extension().is_some_and(|e| e == "log")).unwrap();
    let bytes = fs::read(&log).unwrap();
    // A block of the log begins with a header: checksum (4 bytes), length (2), kind (1).
    let last_block = bytes.len() / 32_768 * 32_768;
    for (block, bit) in [0, last_block].into_iter().flat_map(|block| (0..56).map(move |bit| (block, bit))) {
        let scene = original.copy();
        let mut bytes = bytes.clone();
        bytes[block + bit / 8] ^= 1 << (bit % 8);
        fs::write(scene.place.database().join(log.file_name().unwrap()), bytes).unwrap();
        let report = scene.verify();
        assert!(!report.is_clean(), "block at {block}, bit {bit}: {report:?}");
        if bit >= 48 {
            // With the kind of record changed the daemon gives an answer too: it repairs, or refuses.
            let _ = Ledger::open(&scene.place, host()).map(|ledger| ledger.size());
        }
    }
}

#[test]
fn a_torn_end_is_repaired_and_what_followed_is_set_aside() {
    let original = unflushed();
    let scene = original.copy();
    // No anchor newer than the cut: as when the power goes in the middle of a write.
    fs::remove_file(scene.place.anchor()).unwrap();
    let log = files(&scene).into_iter().rfind(|path| path.extension().is_some_and(|e| e == "log")).unwrap();
    let mut bytes = fs::read(&log).unwrap();
    bytes.truncate(bytes.len() - 100);
    fs::write(&log, &bytes).unwrap();
    let fault = scene.verify().fault.unwrap();
    assert_eq!((fault.kind, fault.index), (FaultKind::CutOff, Some(90)));

    let ledger = scene.open();
    assert_eq!(ledger.size(), 90);
    let aside = ledger.torn().unwrap().join(log.file_name().unwrap());
    assert_eq!(fs::read(aside).unwrap(), bytes, "the damaged log was kept");
    drop(ledger);
    assert!(scene.verify().is_clean());
}

#[test]
fn a_cut_that_the_anchor_knows_of_is_not_repaired() {
    let scene = unflushed();
    let log = files(&scene).into_iter().rfind(|path| path.extension().is_some_and(|e| e == "log")).unwrap();
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() - 100]).unwrap();
    let error = Ledger::open(&scene.place, host()).map(|_| ()).unwrap_err();
    assert!(matches!(error, LedgerError::Tampered { .. }), "{error}");
    assert_eq!(fs::read(&log).unwrap(), &bytes[..bytes.len() - 100], "nothing was written over it");
    let fault = scene.verify().fault.unwrap();
    assert_eq!((fault.kind, fault.index), (FaultKind::CutOff, Some(90)));
}
