//! Appending, closing, opening again.

use super::*;

#[test]
fn what_was_recorded_is_read_back_and_verifies() {
    let scene = Scene::new();
    let mut ledger = scene.open();
    let recorded = ledger.append(vec![Pending::durable(decision(0)), Pending::routine(decision(1))]).unwrap();
    assert_eq!(recorded.iter().map(Recorded::index).collect::<Vec<_>>(), [0, 1]);
    assert!(recorded.iter().all(Recorded::is_durable), "a batch with one durable record is durable");
    let routine = ledger.append(vec![Pending::routine(decision(2))]).unwrap();
    assert!(!routine[0].is_durable());
    drop(ledger);

    let reader = Reader::open(&scene.place).unwrap();
    assert_eq!(reader.size(), 3);
    for index in 0..3 {
        let row = reader.entry(index).unwrap().unwrap();
        let entry = row.entry().unwrap();
        assert_eq!((entry.index, &entry.record), (index, &decision(index as usize)));
        assert_eq!(entry.host, host());
        assert_eq!(serde_jcs::to_vec(&entry).unwrap(), row.bytes, "entries are canonical");
    }
    let report = scene.verify();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.entries, report.anchor), (3, AnchorState::Agrees));
}

#[test]
fn a_ledger_goes_on_where_it_ended() {
    let scene = Scene::new();
    for round in 0..4 {
        let mut ledger = scene.open();
        assert_eq!(ledger.size(), round * 300);
        let batch = (0..300).map(|i| Pending::routine(decision(i))).collect();
        let recorded = ledger.append(batch).unwrap();
        assert_eq!(recorded.first().map(Recorded::index), Some(round * 300));
    }
    let report = scene.verify();
    assert!(report.is_clean(), "{report:?}");
    // Of nothing, and two a round: after 256 records and at the end of the batch.
    assert_eq!((report.entries, report.checkpoints), (1200, 9));
}

#[test]
fn a_running_ledger_is_verified_and_queried_from_beside() {
    let scene = Scene::new();
    let mut ledger = scene.open();
    for number in 0..20 {
        ledger.append(vec![Pending::routine(decision(number))]).unwrap();
        let report = scene.verify();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(report.entries, number as u64 + 1);
    }
}
