//! A full disk: a clear refusal, nothing acknowledged is lost, and the ledger goes on once there is room.

use std::fs;
use std::io::Write;
use std::process::Command;

use super::*;
use crate::audit::store;

const NAME: &str = "audit::tests::full::a_full_disk_loses_nothing_and_heals";

#[test]
fn a_full_disk_loses_nothing_and_heals() {
    if let Some((_, place)) = part() {
        return fill_and_free(&place);
    }
    let scene = Scene::new();
    fs::create_dir_all(scene.place.state()).unwrap();
    let child = play(NAME, "fill", &scene.place);
    let mut command = Command::new("unshare");
    command.args([
        "--map-root-user",
        "--mount",
        "sh",
        "-ec",
        "mount -t tmpfs -o size=48m none \"$0\"; exec \"$@\"",
    ]);
    command.arg(scene.place.state()).arg(child.get_program()).args(child.get_args());
    command.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("filled and freed"), "{said}");
}

/// On a file system of its own, small enough to fill.
fn fill_and_free(place: &Place) {
    let scene = Scene { _folder: tempfile::tempdir().unwrap(), place: place.clone() };
    let mut ledger = scene.open();
    let mut next = 0;
    for round in 0..3 {
        let ballast = fill(place, "ballast", 256 << 10);
        let refused = append_until_refused(&mut ledger, &mut next);
        assert!(matches!(refused.error, LedgerError::Full { .. }), "{}", refused.error);
        assert!(refused.error.to_string().contains("make room"), "{}", refused.error);
        assert!(matches!(ledger.health(), Health::Degraded { reason } if reason.contains("no space left")));
        assert_eq!(ledger.size(), next as u64, "what was acknowledged still counts");
        // Opening the database again may gain some room; now there is none.
        let rest = fill(place, "rest", 0);
        let refused = ledger.append(refused.pending).map(|_| ()).unwrap_err();
        ledger.tick();
        assert!(matches!(ledger.health(), Health::Degraded { .. }));

        fs::remove_file(ballast).unwrap();
        fs::remove_file(rest).unwrap();
        if round == 1 {
            ledger.tick();
            assert_eq!(ledger.health(), &Health::Writing, "it heals by itself");
        }
        let recorded = ledger.append(refused.pending).unwrap();
        assert_eq!(recorded.first().map(Recorded::index), Some(next as u64));
        next += recorded.len();
        assert_eq!(ledger.health(), &Health::Writing);
    }
    drop(ledger);
    let report = scene.verify();
    assert!(report.is_clean(), "{report:?}");
    let reader = Reader::open(place).unwrap();
    assert_eq!(reader.size(), next as u64);
    for index in 0..next {
        let row = reader.entry(index as u64).unwrap().unwrap();
        assert_eq!(row.entry().unwrap().record, decision(index), "each record once, in order");
    }
    println!("filled and freed");
}

/// Takes all room but so many bytes.
fn fill(place: &Place, name: &str, leave: u64) -> std::path::PathBuf {
    let path = place.state().join(name);
    let mut file = fs::File::create(&path).unwrap();
    let page = [0; 4096];
    while file.write_all(&page).is_ok() {}
    let size = file.metadata().unwrap().len();
    file.set_len(size.saturating_sub(leave)).unwrap();
    path
}

fn append_until_refused(ledger: &mut Ledger, next: &mut usize) -> Refused {
    loop {
        let batch = (*next..*next + 20).map(|number| Pending::durable(decision(number))).collect();
        match ledger.append(batch) {
            Ok(recorded) => *next += recorded.len(),
            Err(refused) => return refused,
        }
    }
}

#[test]
fn a_batch_that_reached_the_disk_after_all_is_not_written_twice() {
    let scene = Scene::new();
    let mut ledger = scene.open();
    ledger.append(vec![Pending::durable(decision(0))]).unwrap();
    let batch = || vec![Pending::durable(decision(1)), Pending::durable(decision(2))];

    store::fail_after_next_write();
    let refused = ledger.append(batch()).map(|_| ()).unwrap_err();
    assert_eq!((refused.pending.clone(), ledger.size()), (batch(), 1));
    assert!(matches!(ledger.health(), Health::Degraded { .. }));
    // The caller comes back with the same records and one more.
    let mut again = refused.pending;
    again.push(Pending::durable(decision(3)));
    let recorded = ledger.append(again).unwrap();
    assert_eq!(recorded.iter().map(Recorded::index).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(
        recorded.iter().map(Recorded::entry).collect::<Vec<_>>(),
        [&decision(1), &decision(2), &decision(3)]
    );

    // And once with others: then both stand there.
    store::fail_after_next_write();
    ledger.append(vec![Pending::durable(decision(4))]).map(|_| ()).unwrap_err();
    ledger.tick();
    assert_eq!((ledger.health(), ledger.size()), (&Health::Writing, 5));
    assert_eq!(ledger.append(vec![Pending::durable(decision(5))]).unwrap()[0].index(), 5);
    drop(ledger);
    let reader = Reader::open(&scene.place).unwrap();
    for index in 0..6 {
        assert_eq!(reader.entry(index).unwrap().unwrap().entry().unwrap().record, decision(index as usize));
    }
    assert!(scene.verify().is_clean());
}
