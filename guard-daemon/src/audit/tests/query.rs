//! What queries find.

use super::*;
use crate::model::record::{Kill, Operator};

const NONE: [u64; 0] = [];

fn indexes(reader: &Reader, query: &Query) -> Vec<u64> {
    reader.query(query).map(|row| row.unwrap().index).collect()
}

/// The same, by looking at every entry.
fn by_scan(reader: &Reader, takes: impl Fn(&serde_json::Value) -> bool) -> Vec<u64> {
    (0..reader.size()).rev().filter(|i| takes(&reader.entry(*i).unwrap().unwrap().value().unwrap())).collect()
}

fn word(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_query_finds_what_a_look_at_every_entry_finds() {
    let scene = Scene::with_batches(&[100, 1, 99]);
    let mut ledger = scene.open();
    let by = Operator { uid: 0, login_uid: Some(1000), pid: 1 };
    let kill = Kill { agent: word("codex"), mode: "freeze".to_owned(), by, at: 1 };
    ledger.append(vec![Pending::durable(Record::Kill(kill))]).unwrap();
    let reader = Reader::open(&scene.place).unwrap();
    let default = Query::default;

    let found = indexes(&reader, &Query { agent: word("codex"), ..default() });
    let agent = |value: &serde_json::Value| {
        value["record"]["instance"]["agent"] == "codex" || value["record"]["agent"] == "codex"
    };
    assert_eq!(found, by_scan(&reader, agent));
    assert_eq!(found.first(), Some(&200), "the kill order names the agent too");

    let query = Query { agent: word("codex"), verdict: word("deny"), surface: word("write"), ..default() };
    let refused = |value: &serde_json::Value| {
        agent(value) && value["record"]["verdict"] == "deny" && value["record"]["surface"] == "write"
    };
    let found = indexes(&reader, &query);
    assert!(!found.is_empty());
    assert_eq!(found, by_scan(&reader, refused));
    let upward = indexes(&reader, &Query { order: Order::OldestFirst, ..query });
    assert!(upward.iter().eq(found.iter().rev()));

    let allowed = indexes(&reader, &Query { verdict: word("allow"), ..default() });
    assert_eq!(allowed, by_scan(&reader, |value| value["record"]["verdict"] == "allow"));
    let reason = indexes(&reader, &Query { reason: word("no_edge"), ..default() });
    assert_eq!(reason, by_scan(&reader, |value| value["record"]["reason"] == "no_edge"));
    assert_eq!(indexes(&reader, &Query { stage: word("kill"), ..default() }), [200]);
    assert_eq!(indexes(&reader, &Query { agent: word("nobody"), ..default() }), NONE);
    assert_eq!(indexes(&reader, &Query { agent: word("code"), ..default() }), NONE, "no match by prefix");
}

#[test]
fn ranges_limits_and_orders_hold() {
    let scene = Scene::with_batches(&[50]);
    let reader = Reader::open(&scene.place).unwrap();
    let query = Query { after: Some(10), before: Some(15), ..Query::default() };
    assert_eq!(indexes(&reader, &query), [14, 13, 12, 11]);
    assert_eq!(indexes(&reader, &Query { limit: Some(2), ..query.clone() }), [14, 13]);
    let upward = Query { order: Order::OldestFirst, ..query };
    assert_eq!(indexes(&reader, &Query { limit: Some(2), ..upward.clone() }), [11, 12]);
    assert_eq!(indexes(&reader, &Query { after: Some(u64::MAX), ..upward }), NONE);
    assert_eq!(indexes(&reader, &Query { before: Some(0), ..Query::default() }), NONE);
    assert_eq!(indexes(&reader, &Query { before: Some(u64::MAX), limit: Some(1), ..Query::default() }), [49]);

    let at = reader.entry(0).unwrap().unwrap().entry().unwrap().wall_ns;
    assert_eq!(indexes(&reader, &Query { until_wall_ns: Some(at), ..Query::default() }), NONE);
    assert_eq!(indexes(&reader, &Query { from_wall_ns: Some(at), ..Query::default() }).len(), 50);
    assert_eq!(indexes(&reader, &Query { from_wall_ns: Some(at + 1), ..Query::default() }), NONE);
}

#[test]
fn an_entry_of_a_later_guard_is_still_read() {
    let bytes = br#"{"boot":"b","boot_ns":"1","checkpoint":1,"host":{},"index":0,"new":[],"record":{"stage":"dream","x":{}},"version":9,"wall_ns":"5"}"#;
    let row = Row { index: 0, bytes: bytes.to_vec() };
    assert_eq!(row.value().unwrap()["record"]["stage"], "dream");
    assert_eq!(entry::Head::parse(bytes).unwrap().record.stage, "dream");
    assert!(row.entry().is_err());
}

#[test]
fn reading_an_empty_or_absent_ledger_is_told_apart() {
    let scene = Scene::new();
    assert!(matches!(Reader::open(&scene.place), Err(LedgerError::Missing { .. })));
    drop(scene.open());
    let reader = Reader::open(&scene.place).unwrap();
    assert_eq!((reader.size(), indexes(&reader, &Query::default())), (0, vec![]));
}
