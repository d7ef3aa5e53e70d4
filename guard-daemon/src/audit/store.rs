//! The database: families of rows in RocksDB. Knows keys and bytes, nothing of what they mean. The only file
//! that names RocksDB.
//!
//! Families: `entries` (index -> bytes), `leaves` (index -> leaf hash; stays when an entry's bytes are pruned),
//! `checkpoints` (size -> signed note), `terms` (rows of the query index), `meta`.
//!
//! A batch is written through the write-ahead log as one record, so it is there whole or not at all. All
//! families are flushed together, so that they never disagree about how far the ledger goes.
//!
//! How a damaged write-ahead log is read is chosen by who reads it:
//! - The writer recovers to the point in time before the first damage. A synced batch lies before whatever an
//!   unclean end may have torn, so nothing acknowledged as durable is dropped. RocksDB's stricter modes would
//!   refuse to start after a power cut that tore batches nobody was promised. [`super::open`] compares with the
//!   anchor first, and sets the damaged log aside.
//! - A verifier reads absolutely: any damage is an error, for a flipped byte in the length of a record would
//!   otherwise look like an ordinary end of the log.

use std::path::{Path, PathBuf};

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRawIterator,
    DBRecoveryMode, Direction, ErrorKind, FlushOptions, IteratorMode, Options, ReadOptions, WriteBatch,
    WriteOptions,
};

use super::error::LedgerError;
use super::place::Place;
use super::wal::{self, Care};
use crate::disk;

/// Memory for blocks of tables that were read: 8 MiB, all families together.
const CACHE_BYTES: usize = 8 << 20;
/// One family's rows in memory before all are flushed: 8 MiB, and at most two such per family.
const WRITE_BUFFER_BYTES: usize = 8 << 20;
/// All families' rows in memory: 24 MiB.
const WRITE_BUFFERS_BYTES: usize = 24 << 20;
/// Write-ahead log before a flush is forced: 32 MiB; it bounds how long a restart takes.
const LOG_BYTES_MAX: u64 = 32 << 20;
/// RocksDB's own notes: two files of 1 MiB.
const NOTES_BYTES_MAX: usize = 1 << 20;

/// A family of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Entries,
    Leaves,
    Checkpoints,
    Terms,
    Meta,
}

impl Family {
    pub(super) const ALL: [Self; 5] =
        [Self::Entries, Self::Leaves, Self::Checkpoints, Self::Terms, Self::Meta];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Leaves => "leaves",
            Self::Checkpoints => "checkpoints",
            Self::Terms => "terms",
            Self::Meta => "meta",
        }
    }
}

/// How a damaged write-ahead log is read: see the module's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogReading {
    /// Any damage is an error.
    Absolute,
    /// Up to the first damage.
    PointInTime,
}

/// An open database.
pub(super) struct Store {
    path: PathBuf,
    db: DB,
}

/// Rows to be written as one.
#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<(Family, Vec<u8>, Vec<u8>)>,
}

impl Rows {
    pub(super) fn put(&mut self, family: Family, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.rows.push((family, key.into(), value.into()));
    }
}

/// A row as read.
pub(super) type Row = (Box<[u8]>, Box<[u8]>);

impl Store {
    /// Makes a database with these first rows; it gets its name only when they are on disk.
    pub(super) fn create(place: &Place, first: &Rows) -> Result<(), LedgerError> {
        let (draft, path) = (place.draft(), place.database());
        let io = |error: std::io::Error| io_error(&path, &error);
        if draft.exists() {
            // Left by a crash while it was made; it never held an entry.
            DB::destroy(&Options::default(), &draft).map_err(|error| explain(&path, &error))?;
        }
        let mut options = options();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        let db = DB::open_cf_descriptors(&options, &draft, descriptors())
            .map_err(|error| explain(&path, &error))?;
        let store = Self { path: path.clone(), db };
        store.write(first, true)?;
        store.flush()?;
        drop(store);
        // An empty folder of that name, made by an installer, gives way; any other does not.
        std::fs::rename(&draft, &path).map_err(io)?;
        disk::sync_folder(&path).map_err(io)
    }

    /// Opens for writing.
    pub(super) fn open(place: &Place) -> Result<Self, LedgerError> {
        let path = place.database();
        check_logs(&path, Care::Survival)?;
        let mut options = options();
        options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
        let db = DB::open_cf_descriptors(&options, &path, descriptors())
            .map_err(|error| explain(&path, &error))?;
        Ok(Self { path, db })
    }

    /// Opens for reading, beside a writer or without one. Writes nothing, not even a lock.
    pub(super) fn open_to_read(place: &Place, reading: LogReading) -> Result<Self, LedgerError> {
        let path = place.database();
        check_logs(
            &path,
            match reading {
                LogReading::Absolute => Care::Silence,
                LogReading::PointInTime => Care::Survival,
            },
        )?;
        let mut options = options();
        // Every table is opened at once, so that none is missed when a writer's compaction removes it.
        options.set_max_open_files(-1);
        options.set_wal_recovery_mode(match reading {
            LogReading::Absolute => DBRecoveryMode::AbsoluteConsistency,
            LogReading::PointInTime => DBRecoveryMode::PointInTime,
        });
        let db = DB::open_cf_descriptors_read_only(&options, &path, descriptors(), false)
            .map_err(|error| explain(&path, &error))?;
        Ok(Self { path, db })
    }

    /// Refuses a RocksDB that is not a ledger, before it is opened.
    pub(super) fn check_families(place: &Place) -> Result<(), LedgerError> {
        let path = place.database();
        check_logs(&path, Care::Survival)?;
        let mut found = DB::list_cf(&Options::default(), &path).map_err(|error| explain(&path, &error))?;
        found.retain(|name| name != rocksdb::DEFAULT_COLUMN_FAMILY_NAME);
        found.sort();
        let mut own: Vec<_> = Family::ALL.iter().map(|family| family.name()).collect();
        own.sort_unstable();
        if found == own {
            return Ok(());
        }
        if found.is_empty() && place.anchor().exists() {
            // RocksDB reads a list of families that was overwritten as an empty one.
            return Err(LedgerError::Corrupt { path, why: "its list of families is empty".to_owned() });
        }
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        Err(LedgerError::Foreign { path, why: format!("its families are {found}") })
    }

    /// Writes rows as one: all or none. With `sync` they are on disk when this returns.
    pub(super) fn write(&self, rows: &Rows, sync: bool) -> Result<(), LedgerError> {
        let mut batch = WriteBatch::default();
        for (family, key, value) in &rows.rows {
            batch.put_cf(self.family(*family), key, value);
        }
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        let written = self.db.write_opt(batch, &options).map_err(|error| explain(&self.path, &error));
        #[cfg(test)]
        if FAIL_AFTER_WRITE.take() {
            return Err(LedgerError::Io { path: self.path.clone(), why: "as the test asked".to_owned() });
        }
        written
    }

    /// Puts everything written so far on disk.
    pub(super) fn sync(&self) -> Result<(), LedgerError> {
        self.db.flush_wal(true).map_err(|error| explain(&self.path, &error))
    }

    /// Moves everything from the write-ahead log into tables.
    pub(super) fn flush(&self) -> Result<(), LedgerError> {
        let families: Vec<_> = Family::ALL.iter().map(|family| self.family(*family)).collect();
        let mut options = FlushOptions::default();
        options.set_wait(true);
        self.db.flush_cfs_opt(&families, &options).map_err(|error| explain(&self.path, &error))
    }

    /// One row's value.
    pub(super) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        self.db.get_cf(self.family(family), key).map_err(|error| explain(&self.path, &error))
    }

    /// Rows from a key on, upward.
    pub(super) fn rows_from(
        &self,
        family: Family,
        key: &[u8],
    ) -> impl Iterator<Item = Result<Row, LedgerError>> + '_ {
        self.rows(family, IteratorMode::From(key, Direction::Forward))
    }

    /// A place among a family's keys that can be moved.
    pub(super) fn cursor(&self, family: Family) -> Cursor<'_> {
        let rows = self.db.raw_iterator_cf_opt(self.family(family), read_options());
        Cursor { path: &self.path, rows }
    }

    /// The last row.
    pub(super) fn last(&self, family: Family) -> Result<Option<Row>, LedgerError> {
        self.rows(family, IteratorMode::End).next().transpose()
    }

    /// Rows outside every family: none are ours.
    pub(super) fn stray(&self) -> Result<Option<Row>, LedgerError> {
        let mut rows = self.db.iterator(IteratorMode::Start);
        rows.next().transpose().map_err(|error| explain(&self.path, &error))
    }

    fn rows(
        &self,
        family: Family,
        mode: IteratorMode<'_>,
    ) -> impl Iterator<Item = Result<Row, LedgerError>> + '_ {
        self.db
            .iterator_cf_opt(self.family(family), read_options(), mode)
            .map(|row| row.map_err(|error| explain(&self.path, &error)))
    }

    fn family(&self, family: Family) -> &ColumnFamily {
        self.db.cf_handle(family.name()).expect("every family was opened with the database")
    }
}

/// See [`Store::cursor`].
pub(super) struct Cursor<'a> {
    path: &'a Path,
    rows: DBRawIterator<'a>,
}

impl Cursor<'_> {
    /// Moves to the first row at or above a key; gives its key.
    pub(super) fn at_or_above(&mut self, key: &[u8]) -> Result<Option<&[u8]>, LedgerError> {
        self.rows.seek(key);
        self.key()
    }

    /// Moves to the last row at or below a key; gives its key.
    pub(super) fn at_or_below(&mut self, key: &[u8]) -> Result<Option<&[u8]>, LedgerError> {
        self.rows.seek_for_prev(key);
        self.key()
    }

    fn key(&self) -> Result<Option<&[u8]>, LedgerError> {
        self.rows.status().map_err(|error| explain(self.path, &error))?;
        Ok(self.rows.key())
    }
}

/// RocksDB must not be let near a log that it cannot read to an end.
fn check_logs(path: &Path, care: Care) -> Result<(), LedgerError> {
    let checked = wal::check(path, care).map_err(|error| io_error(path, &error))?;
    checked.map_err(|why| LedgerError::Corrupt { path: path.to_owned(), why })
}

fn read_options() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_verify_checksums(true);
    options
}

fn options() -> Options {
    let mut options = Options::default();
    options.set_paranoid_checks(true);
    options.set_atomic_flush(true);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(LOG_BYTES_MAX);
    options.set_max_background_jobs(2);
    options.set_max_open_files(512);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(NOTES_BYTES_MAX);
    options
}

fn descriptors() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(CACHE_BYTES);
    let stray = std::iter::once(rocksdb::DEFAULT_COLUMN_FAMILY_NAME);
    let names = Family::ALL.iter().map(|family| family.name()).chain(stray);
    names.map(|name| ColumnFamilyDescriptor::new(name, family_options(name, &cache))).collect()
}

fn family_options(name: &str, cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_format_version(5);
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_max_write_buffer_number(2);
    // Hashes do not shrink.
    let hashes = name == Family::Leaves.name();
    options.set_compression_type(if hashes { DBCompressionType::None } else { DBCompressionType::Lz4 });
    options
}

/// RocksDB's error in the ledger's words.
fn explain(path: &Path, error: &rocksdb::Error) -> LedgerError {
    let (path, why) = (path.to_owned(), error.as_ref().to_owned());
    let is_full = ["No space left", "Disk quota exceeded", "File too large"].iter().any(|s| why.contains(s));
    if is_full {
        return LedgerError::Full { path, why };
    }
    if why.contains("lock hold by current process") || why.contains("While lock file") {
        return LedgerError::Locked { holder: None, path };
    }
    // RocksDB names a file that is missing under it an IO error; to a ledger it is damage.
    if error.kind() == ErrorKind::Corruption || why.contains("No such file or directory") {
        return LedgerError::Corrupt { path, why };
    }
    LedgerError::Io { path, why }
}

pub(super) fn io_error(path: &Path, error: &std::io::Error) -> LedgerError {
    let (path, why) = (path.to_owned(), error.to_string());
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if [StorageFull, QuotaExceeded, FileTooLarge].contains(&error.kind()) {
        return LedgerError::Full { path, why };
    }
    LedgerError::Io { path, why }
}

#[cfg(test)]
thread_local! {
    static FAIL_AFTER_WRITE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// This thread's next write gets through, and is reported as failed.
#[cfg(test)]
pub(super) fn fail_after_next_write() {
    FAIL_AFTER_WRITE.set(true);
}

#[cfg(test)]
impl Store {
    /// Writes one row as somebody without the key could; `None` removes it.
    pub(super) fn tamper(&self, family: Family, key: &[u8], value: Option<&[u8]>) {
        let family = self.family(family);
        match value {
            Some(value) => self.db.put_cf(family, key, value).unwrap(),
            None => self.db.delete_cf(family, key).unwrap(),
        }
    }

    /// Makes a RocksDB of somebody else's.
    pub(super) fn foreign(path: &Path) {
        let mut options = Options::default();
        options.create_if_missing(true);
        let db = DB::open(&options, path).unwrap();
        db.put(b"theirs", b"data").unwrap();
    }
}
