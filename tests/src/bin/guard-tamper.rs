//! `guard-tamper DATABASE change|remove|swap INDEX…`: does to a copy of the ledger what somebody can who has its
//! files and no key. A program of its own, so that nothing else links a database.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use rocksdb::{ColumnFamily, DB, Options};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match tamper(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guard-tamper: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tamper(words: &[String]) -> Result<()> {
    let [path, what, indexes @ ..] = words else {
        bail!("usage: guard-tamper DATABASE change|remove|swap INDEX…")
    };
    let indexes: Vec<u64> = indexes.iter().map(|index| index.parse()).collect::<Result<_, _>>()?;
    let families = DB::list_cf(&Options::default(), path)?;
    let db = DB::open_cf(&Options::default(), path, families)?;
    let entries = Entries(&db, db.cf_handle("entries").context("the database has no entries")?);
    match (what.as_str(), indexes.as_slice()) {
        ("change", [index]) => entries.put(*index, &changed(entries.read(*index)?)?),
        ("remove", indexes) => indexes.iter().try_for_each(|index| entries.remove(*index)),
        ("swap", [one, other]) => {
            let (first, second) = (entries.read(*one)?, entries.read(*other)?);
            entries.put(*one, &second)?;
            entries.put(*other, &first)
        }
        (what, indexes) => bail!("cannot {what} {indexes:?}"),
    }
}

/// The same entry with another time.
fn changed(entry: Vec<u8>) -> Result<Vec<u8>> {
    let text = String::from_utf8(entry)?;
    let other = text.replacen("\"wall_ns\":\"1", "\"wall_ns\":\"2", 1);
    anyhow::ensure!(text != other, "there is no time to change in {text}");
    Ok(other.into_bytes())
}

/// The family of entries: position, most significant byte first, to bytes.
struct Entries<'a>(&'a DB, &'a ColumnFamily);

impl Entries<'_> {
    fn read(&self, index: u64) -> Result<Vec<u8>> {
        self.0.get_cf(self.1, index.to_be_bytes())?.with_context(|| format!("there is no entry {index}"))
    }

    fn put(&self, index: u64, bytes: &[u8]) -> Result<()> {
        Ok(self.0.put_cf(self.1, index.to_be_bytes(), bytes)?)
    }

    fn remove(&self, index: u64) -> Result<()> {
        self.read(index)?;
        Ok(self.0.delete_cf(self.1, index.to_be_bytes())?)
    }
}
