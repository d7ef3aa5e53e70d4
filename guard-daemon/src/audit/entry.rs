//! Entries: what the leaves of the tree are made of. An entry is canonical JSON (RFC 8785); the bytes that are
//! written once are the bytes that are hashed, stored and handed out. Nothing is ever serialised again in order
//! to be verified.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

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
    /// Reads the clocks. The only place of the ledger that does.
    pub(super) fn now(boot: &str) -> Self {
        use nix::time::{ClockId, clock_gettime};
        let ns = |clock| {
            let time = clock_gettime(clock).expect("both clocks are there on every Linux");
            // Before 1970 the clock is wrong anyway; the boot clock still orders entries.
            u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000 + time.tv_nsec() as u64
        };
        Self {
            boot: boot.to_owned(),
            wall_ns: ns(ClockId::CLOCK_REALTIME),
            boot_ns: ns(ClockId::CLOCK_BOOTTIME),
        }
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
        serde_jcs::to_vec(self).expect("records hold no maps with other keys than strings, and no floats")
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
