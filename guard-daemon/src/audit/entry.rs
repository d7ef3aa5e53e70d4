//! Entries: what the leaves of the tree are made of. An entry is canonical JSON (RFC 8785); the bytes that are
//! written once are the bytes that are hashed, stored and handed out. Nothing is ever serialised again in order
//! to be verified.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::canonical;
use crate::clock;
use crate::model::decimal;
use crate::model::record::Record;

/// Version of the entry's form.
pub const VERSION: u32 = 1;

/// Most entries that a ledger can hold: JSON numbers, such as the index, are exact up to here.
pub const ENTRIES_MAX: u64 = 1 << 53;

/// One entry. Of its numbers only `version`, `index` and `checkpoint` are JSON numbers; all three stay below
/// [`ENTRIES_MAX`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// [`VERSION`].
    pub version: u32,
    /// Its position, from 0.
    pub index: u64,
    /// Size of the first checkpoint that covers it: so that a checkpoint that somebody took away is missed.
    pub checkpoint: u64,
    /// The kernel's boot id.
    pub boot: String,
    /// When it was appended, in nanoseconds since the Unix epoch, by a clock that people may set.
    #[serde(with = "decimal")]
    pub wall_ns: u64,
    /// When it was appended, in nanoseconds since boot.
    #[serde(with = "decimal")]
    pub boot_ns: u64,
    /// Who wrote it.
    pub host: Host,
    /// What is recorded.
    pub record: Record,
}

/// What was running when an entry was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// SHA-256 of the daemon's executable, hex.
    pub daemon_sha256: String,
    /// SHA-256 of the kernel programs' object, hex.
    pub ebpf_sha256: String,
    /// Policy generation in the kernel maps.
    #[serde(with = "decimal")]
    pub generation: u64,
}

/// When a batch is appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) boot: String,
    pub(super) wall_ns: u64,
    pub(super) boot_ns: u64,
}

impl Stamp {
    /// Reads the clocks.
    pub(super) fn now(boot: &str) -> Self {
        Self { boot: boot.to_owned(), wall_ns: clock::wall_ns(), boot_ns: clock::boot_ns() }
    }
}

/// An entry by reference, so that a record is not cloned to be written. Same fields as [`Entry`].
#[derive(Serialize)]
pub(super) struct Draft<'a> {
    pub(super) version: u32,
    pub(super) index: u64,
    pub(super) checkpoint: u64,
    pub(super) boot: &'a str,
    #[serde(with = "decimal")]
    pub(super) wall_ns: u64,
    #[serde(with = "decimal")]
    pub(super) boot_ns: u64,
    pub(super) host: &'a Host,
    pub(super) record: &'a Record,
}

impl Draft<'_> {
    /// The canonical bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        canonical::to_bytes(self).expect("records hold whole numbers below 2^53 and names that are strings")
    }
}

/// What verification and indexes need of an entry; everything else, known or not, is passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Head<'a> {
    pub(super) index: u64,
    pub(super) checkpoint: u64,
    #[serde(with = "decimal")]
    pub(super) wall_ns: u64,
    #[serde(borrow)]
    pub(super) record: RecordHead<'a>,
}

/// See [`Head`].
#[derive(Debug, Deserialize)]
pub(super) struct RecordHead<'a> {
    #[serde(borrow)]
    pub(super) stage: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) agent: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) instance: Option<InstanceHead<'a>>,
    #[serde(borrow, default)]
    pub(super) verdict: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) surface: Option<Cow<'a, str>>,
}

/// See [`Head`].
#[derive(Debug, Deserialize)]
pub(super) struct InstanceHead<'a> {
    #[serde(borrow)]
    pub(super) agent: Cow<'a, str>,
}

impl<'a> Head<'a> {
    /// Reads it from an entry's bytes.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The agent that the record is about.
    pub(super) fn agent(&self) -> Option<&str> {
        let record = &self.record;
        record.instance.as_ref().map(|instance| &*instance.agent).or(record.agent.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tree::leaf_hash;

    fn draft<'a>(host: &'a Host, record: &'a Record) -> Draft<'a> {
        Draft {
            version: VERSION,
            index: 3,
            checkpoint: 4,
            boot: "b0",
            wall_ns: u64::MAX,
            boot_ns: 5,
            host,
            record,
        }
    }

    /// What is signed today must be what is verified in ten years: a change here is a new version of the form.
    #[test]
    fn the_form_of_an_entry_is_fixed() {
        let host = Host { daemon_sha256: "dd".to_owned(), ebpf_sha256: "ee".to_owned(), generation: 1 << 60 };
        let record = Record::Stop { why: "signal \u{20ac}\u{7}\"".to_owned() };
        let bytes = draft(&host, &record).to_bytes();
        let expected = "{\"boot\":\"b0\",\"boot_ns\":\"5\",\"checkpoint\":4,\"host\":{\"daemon_sha256\":\"dd\",\
                        \"ebpf_sha256\":\"ee\",\"generation\":\"1152921504606846976\"},\"index\":3,\
                        \"record\":{\"stage\":\"stop\",\"why\":\"signal \u{20ac}\\u0007\\\"\"},\
                        \"version\":1,\"wall_ns\":\"18446744073709551615\"}";
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
        let hash = hex::encode(leaf_hash(&bytes));
        assert_eq!(hash, "503aaf178ebbeb137bd5a4bf9af53db6bee91737f750b4cd8a0b02eb63bb60e7");
    }

    #[test]
    fn no_number_of_an_entry_can_be_rounded_by_a_reader() {
        let host = Host { generation: u64::MAX, ..Host::default() };
        let record = crate::audit::tests::decision(0);
        let value: serde_json::Value = serde_json::from_slice(&draft(&host, &record).to_bytes()).unwrap();
        let mut open = vec![&value];
        let mut texts = 0;
        while let Some(value) = open.pop() {
            match value {
                serde_json::Value::Number(number) => {
                    assert!(number.as_u64().is_some_and(|number| number <= u64::from(u32::MAX)), "{number}");
                }
                serde_json::Value::Array(values) => open.extend(values),
                serde_json::Value::Object(values) => open.extend(values.values()),
                serde_json::Value::String(text) => texts += usize::from(text.parse::<u64>().is_ok()),
                serde_json::Value::Null | serde_json::Value::Bool(_) => {}
            }
        }
        assert!(texts >= 8, "the record holds 64-bit numbers: {texts}");
    }

    #[test]
    fn the_head_is_read_past_whatever_else_an_entry_holds() {
        let host = Host::default();
        let record = crate::audit::tests::decision(0);
        let bytes = draft(&host, &record).to_bytes();
        let head = Head::parse(&bytes).unwrap();
        assert_eq!((head.index, head.checkpoint, head.wall_ns), (3, 4, u64::MAX));
        assert_eq!((head.agent(), &*head.record.stage), (Some("claude"), "enforce"));
        assert_eq!(
            (head.record.verdict.as_deref(), head.record.reason.as_deref()),
            (Some("deny"), Some("no_edge"))
        );
    }

    proptest::proptest! {
        #[test]
        fn hostile_entries_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = Head::parse(&bytes);
            let _ = serde_json::from_slice::<Entry>(&bytes);
        }
    }
}
