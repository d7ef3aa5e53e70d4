//! Somebody with the database and without the key: whatever they do is found, with the first entry that it
//! concerns.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::audit::store::{Family, LogReading, Store};
use crate::audit::tree::leaf_hash;

/// Batches of one, of few, of more than one checkpoint holds: 373 entries.
const BATCHES: [usize; 8] = [1, 5, 300, 1, 60, 2, 1, 3];
const SIZE: u64 = 373;

static ORIGINAL: LazyLock<Scene> = LazyLock::new(|| Scene::with_batches(&BATCHES));

/// What is done to the database.
#[derive(Clone, Debug)]
enum Attack {
    FlipEntry { index: u64, byte: usize, bit: u8 },
    ReplaceEntry { index: u64 },
    ForgeEntry { index: u64 },
    DeleteEntry { index: u64 },
    DeleteEntryEverywhere { index: u64 },
    Swap { one: u64, other: u64 },
    Copy { from: u64, to: u64 },
    TakeOut { index: u64 },
    PutIn { index: u64 },
    CutEntries { size: u64 },
    SetBack { size: u64 },
    Append { count: u64 },
    ForgeWithHash { index: u64 },
    FlipLeaf { index: u64, byte: usize, bit: u8 },
    DeleteLeaf { index: u64 },
    FlipCheckpoint { number: usize, byte: usize, bit: u8 },
    DeleteCheckpoint { number: usize },
    ReplayCheckpoint { from: usize, to: usize },
    DeleteTerm { number: usize },
    AddTerm { index: u64 },
    FlipMeta { byte: usize, bit: u8 },
    AddMeta,
}

/// Whether the fault must name this very entry, or only a range it lies in.
#[derive(Debug, PartialEq)]
enum Expect {
    Entry(u64, &'static [FaultKind]),
    Among(u64),
    Other(&'static [FaultKind]),
}

fn attack() -> impl Strategy<Value = Attack> {
    let index = || 0..SIZE;
    let byte = || 0..10_000usize;
    let bit = || 0..8u8;
    let number = || 0..1000usize;
    prop_oneof![
        3 => (index(), byte(), bit()).prop_map(|(index, byte, bit)| Attack::FlipEntry { index, byte, bit }),
        1 => index().prop_map(|index| Attack::ReplaceEntry { index }),
        1 => index().prop_map(|index| Attack::ForgeEntry { index }),
        1 => index().prop_map(|index| Attack::DeleteEntry { index }),
        1 => index().prop_map(|index| Attack::DeleteEntryEverywhere { index }),
        1 => (index(), index()).prop_map(|(one, other)| Attack::Swap { one, other }),
        1 => (index(), index()).prop_map(|(from, to)| Attack::Copy { from, to }),
        1 => index().prop_map(|index| Attack::TakeOut { index }),
        1 => index().prop_map(|index| Attack::PutIn { index }),
        1 => index().prop_map(|size| Attack::CutEntries { size }),
        1 => index().prop_map(|size| Attack::SetBack { size }),
        1 => (1..5u64).prop_map(|count| Attack::Append { count }),
        1 => index().prop_map(|index| Attack::ForgeWithHash { index }),
        1 => (index(), byte(), bit()).prop_map(|(index, byte, bit)| Attack::FlipLeaf { index, byte, bit }),
        1 => index().prop_map(|index| Attack::DeleteLeaf { index }),
        2 => (number(), byte(), bit())
            .prop_map(|(number, byte, bit)| Attack::FlipCheckpoint { number, byte, bit }),
        1 => number().prop_map(|number| Attack::DeleteCheckpoint { number }),
        1 => (number(), number()).prop_map(|(from, to)| Attack::ReplayCheckpoint { from, to }),
        1 => number().prop_map(|number| Attack::DeleteTerm { number }),
        1 => index().prop_map(|index| Attack::AddTerm { index }),
        1 => (byte(), bit()).prop_map(|(byte, bit)| Attack::FlipMeta { byte, bit }),
        1 => Just(Attack::AddMeta),
    ]
}

/// Sizes of the checkpoints of [`BATCHES`].
fn checkpoints() -> Vec<u64> {
    let mut sizes = vec![0];
    for batch in BATCHES {
        let from = sizes.last().copied().unwrap_or(0);
        sizes.extend((from..from + batch as u64).skip(CHECKPOINT_EVERY).step_by(CHECKPOINT_EVERY));
        sizes.push(from + batch as u64);
    }
    sizes
}

/// The first entry that only the checkpoint of this size covers.
fn first_under(checkpoint: u64) -> u64 {
    checkpoints().into_iter().take_while(|size| *size < checkpoint).last().unwrap_or(0)
}

/// Everything in the database, to be changed as one likes.
struct Hand {
    store: Store,
}

impl Hand {
    fn rows(&self, family: Family) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.store.rows_from(family, &[]).map(|row| row.map(|(k, v)| (k.into(), v.into())).unwrap()).collect()
    }

    fn entry(&self, index: u64) -> Vec<u8> {
        self.store.get(Family::Entries, &index.to_be_bytes()).unwrap().unwrap()
    }

    fn put(&self, family: Family, index: u64, value: &[u8]) {
        self.store.tamper(family, &index.to_be_bytes(), Some(value));
    }

    fn delete(&self, family: Family, index: u64) {
        self.store.tamper(family, &index.to_be_bytes(), None);
    }

    /// Removes every row of a family keyed from `from` on.
    fn cut(&self, family: Family, from: u64) {
        (from..=SIZE).for_each(|index| self.delete(family, index));
    }

    /// An entry of the right form, in place of another.
    fn forged(&self, index: u64) -> Vec<u8> {
        let text = String::from_utf8(self.entry(index)).unwrap();
        let forged = text.replace("/srv/work", "/srv/walk").replace("10.99.0.2", "10.99.0.3");
        assert_ne!(text, forged);
        forged.into_bytes()
    }

    fn strike(&self, attack: &Attack) -> Option<Expect> {
        use FaultKind::*;
        Some(match *attack {
            Attack::FlipEntry { index, byte, bit } => {
                self.put(Family::Entries, index, &flip(self.entry(index), byte, bit));
                Expect::Entry(index, &[EntryChanged, EntryMoved])
            }
            Attack::ReplaceEntry { index } => {
                self.put(Family::Entries, index, b"not an entry");
                Expect::Entry(index, &[EntryChanged])
            }
            Attack::ForgeEntry { index } => {
                self.put(Family::Entries, index, &self.forged(index));
                Expect::Entry(index, &[EntryChanged])
            }
            Attack::DeleteEntry { index } => {
                self.delete(Family::Entries, index);
                Expect::Entry(index, if index == SIZE - 1 { &[CutOff] } else { &[EntryMissing] })
            }
            Attack::DeleteEntryEverywhere { index } => {
                self.delete(Family::Entries, index);
                self.delete(Family::Leaves, index);
                Expect::Entry(index, if index == SIZE - 1 { &[CutOff] } else { &[EntryMissing] })
            }
            Attack::Swap { one, other } => {
                let (first, second) = (self.entry(one), self.entry(other));
                self.put(Family::Entries, one, &second);
                self.put(Family::Entries, other, &first);
                (one != other).then_some(Expect::Entry(one.min(other), &[EntryMoved]))?
            }
            Attack::Copy { from, to } => {
                self.put(Family::Entries, to, &self.entry(from));
                (from != to).then_some(Expect::Entry(to, &[EntryMoved]))?
            }
            Attack::TakeOut { index } => {
                for at in index..SIZE - 1 {
                    self.put(Family::Entries, at, &self.entry(at + 1));
                }
                self.delete(Family::Entries, SIZE - 1);
                Expect::Entry(index, if index == SIZE - 1 { &[CutOff] } else { &[EntryMoved] })
            }
            Attack::PutIn { index } => {
                for at in (index..SIZE).rev() {
                    self.put(Family::Entries, at + 1, &self.entry(at));
                }
                self.put(Family::Entries, index, &self.forged(index));
                Expect::Entry(index, &[EntryChanged])
            }
            Attack::CutEntries { size } => {
                self.cut(Family::Entries, size);
                Expect::Entry(size, &[CutOff])
            }
            Attack::SetBack { size } => {
                let back = first_under(size + 1);
                self.set_back(back);
                Expect::Entry(back, &[CutOff])
            }
            Attack::Append { count } => {
                for at in SIZE..SIZE + count {
                    let entry = self.forged(SIZE - 1);
                    self.put(Family::Entries, at, &entry);
                    self.put(Family::Leaves, at, &leaf_hash(&entry));
                }
                Expect::Entry(SIZE, &[EntryInserted])
            }
            Attack::ForgeWithHash { index } => {
                let forged = self.forged(index);
                self.put(Family::Entries, index, &forged);
                self.put(Family::Leaves, index, &leaf_hash(&forged));
                Expect::Among(index)
            }
            Attack::FlipLeaf { index, byte, bit } => {
                let leaf = self.store.get(Family::Leaves, &index.to_be_bytes()).unwrap().unwrap();
                self.put(Family::Leaves, index, &flip(leaf, byte, bit));
                Expect::Entry(index, &[LeafHash])
            }
            Attack::DeleteLeaf { index } => {
                self.delete(Family::Leaves, index);
                Expect::Entry(index, &[LeafHash])
            }
            Attack::FlipCheckpoint { number, byte, bit } => {
                let (key, note) = self.nth(Family::Checkpoints, number);
                self.store.tamper(Family::Checkpoints, &key, Some(&flip(note, byte, bit)));
                match size(&key) {
                    0 => Expect::Other(&[CheckpointFalse, WrongKey]),
                    size => Expect::Entry(first_under(size), &[CheckpointFalse]),
                }
            }
            Attack::DeleteCheckpoint { number } => {
                let (key, _) = self.nth(Family::Checkpoints, number);
                self.store.tamper(Family::Checkpoints, &key, None);
                match size(&key) {
                    0 => Expect::Other(&[CheckpointMissing]),
                    SIZE => Expect::Entry(first_under(SIZE), &[EntryInserted]),
                    size => Expect::Entry(first_under(size), &[CheckpointMissing]),
                }
            }
            Attack::ReplayCheckpoint { from, to } => {
                let ((_, note), (key, replaced)) =
                    (self.nth(Family::Checkpoints, from), self.nth(Family::Checkpoints, to));
                self.store.tamper(Family::Checkpoints, &key, Some(&note));
                (note != replaced).then_some(Expect::Other(&[CheckpointFalse]))?
            }
            Attack::DeleteTerm { number } => {
                let (row, _) = self.nth(Family::Terms, number);
                self.store.tamper(Family::Terms, &row, None);
                Expect::Entry(size(&row), &[QueryIndex])
            }
            Attack::AddTerm { index } => {
                let mut row = b"a\x05mouse".to_vec();
                row.extend(index.to_be_bytes());
                self.store.tamper(Family::Terms, &row, Some(&[]));
                Expect::Entry(index, &[QueryIndex])
            }
            Attack::FlipMeta { byte, bit } => {
                let frontier = self.store.get(Family::Meta, b"frontier").unwrap().unwrap();
                self.store.tamper(Family::Meta, b"frontier", Some(&flip(frontier, byte, bit)));
                Expect::Other(&[Meta])
            }
            Attack::AddMeta => {
                self.store.tamper(Family::Meta, b"note", Some(b"nothing to see here"));
                Expect::Other(&[Meta])
            }
        })
    }

    fn nth(&self, family: Family, number: usize) -> (Vec<u8>, Vec<u8>) {
        let mut rows = self.rows(family);
        rows.swap_remove(number % rows.len())
    }

    /// A shorter ledger that was true once.
    fn set_back(&self, back: u64) {
        self.cut(Family::Entries, back);
        self.cut(Family::Leaves, back);
        self.cut(Family::Checkpoints, back + 1);
        for (row, _) in self.rows(Family::Terms) {
            if size(&row) >= back {
                self.store.tamper(Family::Terms, &row, None);
            }
        }
        let mut tree = tree::Frontier::default();
        (0..back).for_each(|index| tree.push(leaf_hash(&self.entry(index))));
        self.store.tamper(Family::Meta, b"frontier", Some(&tree.to_bytes()));
    }
}

fn size(key: &[u8]) -> u64 {
    u64::from_be_bytes(*key.last_chunk().unwrap())
}

fn flip(mut bytes: Vec<u8>, byte: usize, bit: u8) -> Vec<u8> {
    let at = byte % bytes.len();
    bytes[at] ^= 1 << bit;
    bytes
}

fn found(scene: &Scene, attack: &Attack) -> Option<(Expect, Report)> {
    let expect = Hand { store: Store::open(&scene.place).unwrap() }.strike(attack);
    let report = scene.verify();
    if expect.is_none() {
        assert!(report.is_clean(), "{attack:?} changes nothing: {report:?}");
    }
    Some((expect?, report))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whoever_has_no_key_is_found_with_the_first_entry_concerned(attack in attack()) {
        let scene = ORIGINAL.copy();
        if let Some((expect, report)) = found(&scene, &attack) {
            let fault = report.fault.clone();
            prop_assert!(fault.is_some(), "{:?} was not found", attack);
            let fault = fault.unwrap();
            match expect {
                Expect::Entry(index, kinds) => {
                    prop_assert_eq!(fault.index, Some(index), "{:?}", &report);
                    prop_assert!(kinds.contains(&fault.kind), "{:?}", &report);
                }
                Expect::Among(index) => {
                    let among = fault.among.unwrap_or(Among { from: index, until: index + 1 });
                    prop_assert!(among.from <= index && index < among.until, "{:?}", &report);
                    prop_assert!(among.until - among.from <= CHECKPOINT_EVERY as u64, "{:?}", &report);
                    prop_assert_eq!(fault.kind, FaultKind::EntryChanged);
                }
                Expect::Other(kinds) => prop_assert!(kinds.contains(&fault.kind), "{:?}", &report),
            }
        }
    }
}

#[test]
fn the_untouched_ledger_verifies() {
    let report = ORIGINAL.verify();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.entries, SIZE);
    let store = Store::open_to_read(&ORIGINAL.place, LogReading::Absolute).unwrap();
    let sizes: Vec<_> = Hand { store }.rows(Family::Checkpoints).iter().map(|(key, _)| size(key)).collect();
    assert_eq!(sizes, checkpoints());
}

#[test]
fn forging_an_entry_and_its_hash_in_a_batch_of_one_names_it_exactly() {
    let scene = ORIGINAL.copy();
    let index = 306;
    let (_, report) = found(&scene, &Attack::ForgeWithHash { index }).unwrap();
    let fault = report.fault.unwrap();
    assert_eq!((fault.index, fault.among, fault.kind), (Some(index), None, FaultKind::EntryChanged));
}

#[test]
fn setting_the_ledger_back_without_an_anchor_is_not_found_and_the_report_says_so() {
    let scene = ORIGINAL.copy();
    std::fs::remove_file(scene.place.anchor()).unwrap();
    let (_, report) = found(&scene, &Attack::SetBack { size: 306 }).unwrap();
    assert!(report.is_clean());
    assert_eq!(report.anchor, AnchorState::Absent);
    assert!(report.notes.iter().any(|note| note.contains("no anchor")), "{:?}", report.notes);
}

#[test]
fn an_anchor_that_was_changed_is_found() {
    let scene = ORIGINAL.copy();
    let anchor = std::fs::read(scene.place.anchor()).unwrap();
    for byte in 0..anchor.len() {
        std::fs::write(scene.place.anchor(), flip(anchor.clone(), byte, 0)).unwrap();
        let fault = scene.verify().fault.unwrap();
        assert_eq!(fault.kind, FaultKind::Anchor, "byte {byte}: {fault:?}");
    }
}

#[test]
fn another_ledgers_key_is_told_from_a_false_signature() {
    let other = Scene::with_batches(&[1]);
    let report = verify(&ORIGINAL.place, &other.key()).unwrap();
    assert_eq!(report.fault.unwrap().kind, FaultKind::WrongKey);
}

#[test]
fn the_daemon_refuses_to_go_on_with_a_ledger_that_was_set_back_or_changed() {
    for attack in [
        Attack::SetBack { size: 306 },
        Attack::CutEntries { size: 306 },
        Attack::ForgeEntry { index: SIZE - 2 },
        Attack::Append { count: 1 },
        Attack::DeleteCheckpoint { number: checkpoints().len() - 1 },
    ] {
        let scene = ORIGINAL.copy();
        found(&scene, &attack);
        let before = scene.verify();
        let error = Ledger::open(&scene.place, host()).map(|_| ()).unwrap_err();
        assert!(matches!(error, LedgerError::Tampered { .. }), "{attack:?}: {error}");
        assert_eq!(scene.verify(), before, "nothing was written over it");
    }
}
