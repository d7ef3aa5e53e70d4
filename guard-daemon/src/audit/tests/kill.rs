//! The daemon's death at any moment: what was acknowledged stands in the ledger.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::*;

const NAME: &str = "audit::tests::kill::a_record_that_was_acknowledged_survives_sigkill";
const ROUNDS: u64 = 30;

/// Appends for ever, and tells each acknowledged size.
fn append_until_killed(place: &Place) -> ! {
    let mut ledger = Ledger::open(place, host()).unwrap();
    println!("\nsize {}", ledger.size());
    for round in 0.. {
        let first = ledger.size() as usize;
        let length = [1, 7, 1, 300, 2][round % 5];
        let pending = |number| {
            let record = decision(number);
            if round % 3 == 0 { Pending::durable(record) } else { Pending::routine(record) }
        };
        let recorded = ledger.append((first..first + length).map(pending).collect()).unwrap();
        println!("size {}", recorded.last().unwrap().index() + 1);
        if round % 10 == 0 {
            ledger.tick();
        }
    }
    unreachable!("the loop above has no end")
}

/// Verifies again and again beside a daemon that writes as fast as it can.
#[test]
fn a_ledger_is_verified_beside_a_daemon_that_writes() {
    let scene = Scene::new();
    let mut child = play(NAME, "append", &scene.place).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.starts_with("size ")).expect("it opened the ledger");
    let drain = std::thread::spawn(move || lines.count());
    assert_eq!(scene.place.holder(), Some(child.id()));
    let mut entries = Vec::new();
    for _ in 0..20 {
        let report = scene.verify();
        assert!(report.is_clean(), "{report:?}");
        entries.push(report.entries);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drain.join().unwrap();
    assert!(entries.is_sorted() && entries.first() < entries.last(), "it grew meanwhile: {entries:?}");
}

/// Reads what the child tells until `after` has passed since its first word, kills it, and reads the rest.
fn kill(mut child: Child, after: Duration) -> u64 {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let sizes = |line: String| line.strip_prefix("size ").map(|size| size.parse::<u64>().unwrap());
    let mut last = lines.by_ref().find_map(sizes).expect("it opened the ledger");
    let start = Instant::now();
    while start.elapsed() < after {
        last = lines.next().and_then(sizes).unwrap_or(last);
    }
    child.kill().unwrap();
    last = lines.filter_map(sizes).last().unwrap_or(last);
    child.wait().unwrap();
    last
}

#[test]
fn a_record_that_was_acknowledged_survives_sigkill() {
    if let Some((_, place)) = part() {
        append_until_killed(&place);
    }
    let scene = Scene::new();
    let mut total = 0;
    for round in 0..ROUNDS {
        let child = play(NAME, "append", &scene.place).stdout(Stdio::piped()).spawn().unwrap();
        // Moments spread evenly over the first 60 ms, the making of the ledger included.
        let acknowledged = kill(child, Duration::from_micros(round * 7919 % 60_000));
        let ledger = scene.open();
        assert!(ledger.size() >= acknowledged, "round {round}: {} of {acknowledged}", ledger.size());
        assert!(ledger.torn().is_none() || ledger.size() >= acknowledged);
        total = ledger.size();
        drop(ledger);
        let report = scene.verify();
        assert!(report.is_clean(), "round {round}: {report:?}");
        assert_eq!(report.entries, total);
    }
    let reader = Reader::open(&scene.place).unwrap();
    let upward = Query { order: Order::OldestFirst, ..Query::default() };
    for (index, row) in (0..).zip(reader.query(&upward)) {
        assert_eq!(row.unwrap().entry().unwrap().record, decision(index), "no record twice, none left out");
    }
    assert!(total > 1000, "the child got to work: {total}");
}
