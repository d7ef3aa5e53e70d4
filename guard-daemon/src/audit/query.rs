//! Questions to the ledger. Reads beside a running daemon and without one, and writes nothing. Trusts neither
//! index nor entries to be what was signed: that is [`super::verify()`]'s to say.

use super::entry::{Entry, Head};
use super::error::LedgerError;
use super::open;
use super::place::Place;
use super::store::{Cursor, Family, Store};
use super::terms::{self, Kind};

/// Which entries. Every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The agent's name.
    pub agent: Option<String>,
    /// The kind of record: `enforce`, `kill`, `launch`, …
    pub stage: Option<String>,
    /// `allow`, `hold`, `deny`.
    pub verdict: Option<String>,
    /// The surface's name.
    pub surface: Option<String>,
    /// The reason's code.
    pub reason: Option<String>,
    /// Appended at or after this, in nanoseconds since the Unix epoch.
    pub from_wall_ns: Option<u64>,
    /// Appended before this.
    pub until_wall_ns: Option<u64>,
    /// Only entries after this one.
    pub after: Option<u64>,
    /// Only entries before this one.
    pub before: Option<u64>,
    /// Which come first.
    pub order: Order,
    /// How many at most.
    pub limit: Option<usize>,
}

/// See [`Query::order`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The last entry first.
    #[default]
    NewestFirst,
    /// The first entry first.
    OldestFirst,
}

/// One entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its position.
    pub index: u64,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
}

impl Row {
    /// As an entry; fields that this guard does not know are passed over.
    pub fn entry(&self) -> Result<Entry, serde_json::Error> {
        serde_json::from_slice(&self.bytes)
    }
}

/// A ledger opened for reading, as it stood at that moment.
pub struct Reader {
    place: Place,
    store: Store,
    size: u64,
}

impl Reader {
    /// Opens the ledger.
    pub fn open(place: &Place) -> Result<Self, LedgerError> {
        let (store, _) = open::open_to_read(place)?;
        open::check_format(&store, place)?;
        let last = store.last(Family::Entries)?.and_then(|(key, _)| terms::index_of(&key));
        Ok(Self { place: place.clone(), store, size: last.map_or(0, |index| index.saturating_add(1)) })
    }

    /// One entry.
    pub fn entry(&self, index: u64) -> Result<Option<Row>, LedgerError> {
        let bytes = self.store.get(Family::Entries, &index.to_be_bytes())?;
        Ok(bytes.map(|bytes| Row { index, bytes }))
    }

    /// The entries that a query asks for, one at a time.
    pub fn query<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = Result<Row, LedgerError>> + 'a {
        Matches::new(self, query).take(query.limit.unwrap_or(usize::MAX))
    }
}

/// Walks what every term of the query agrees on.
struct Matches<'a> {
    reader: &'a Reader,
    query: &'a Query,
    tracks: Vec<Track<'a>>,
    /// Where to look next; `None` at the end.
    at: Option<u64>,
}

/// The entries of one term in order; or all entries.
struct Track<'a> {
    prefix: Vec<u8>,
    cursor: Cursor<'a>,
}

impl<'a> Matches<'a> {
    fn new(reader: &'a Reader, query: &'a Query) -> Self {
        let terms = [
            (Kind::Agent, &query.agent),
            (Kind::Reason, &query.reason),
            (Kind::Stage, &query.stage),
            (Kind::Verdict, &query.verdict),
        ];
        let prefixes = terms.into_iter().filter_map(|(kind, text)| terms::prefix(kind, text.as_deref()?));
        let track = |prefix| Track { prefix, cursor: reader.store.cursor(Family::Terms) };
        let mut tracks: Vec<_> = prefixes.map(track).collect();
        if tracks.is_empty() {
            tracks.push(Track { prefix: Vec::new(), cursor: reader.store.cursor(Family::Entries) });
        }
        let at = match query.order {
            Order::OldestFirst => query.after.map_or(Some(0), |after| after.checked_add(1)),
            Order::NewestFirst => query.before.unwrap_or(reader.size).checked_sub(1),
        };
        Self { reader, query, tracks, at }
    }

    /// The next entry that every track has.
    fn step(&mut self) -> Result<Option<Row>, LedgerError> {
        while let Some(index) = self.agreed()? {
            self.at = match self.query.order {
                Order::OldestFirst => index.checked_add(1),
                Order::NewestFirst => index.checked_sub(1),
            };
            let Some(row) = self.reader.entry(index)? else {
                return Err(self.tampered(format!("the query index names entry {index}, which is not there")));
            };
            let head = Head::parse(&row.bytes)
                .map_err(|error| self.tampered(format!("entry {index} cannot be read: {error}")))?;
            if self.query.takes(&head) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// The next position, from where it stands, that every track has.
    fn agreed(&mut self) -> Result<Option<u64>, LedgerError> {
        let Some(mut at) = self.at else { return Ok(None) };
        let mut agreeing = 0;
        while agreeing < self.tracks.len() {
            agreeing = 0;
            for track in &mut self.tracks {
                match track.find(at, self.query.order)? {
                    None => return Ok(None),
                    Some(found) if found == at => agreeing += 1,
                    Some(found) => at = found,
                }
            }
        }
        Ok(self.query.spans(at).then_some(at))
    }

    fn tampered(&self, why: String) -> LedgerError {
        LedgerError::Tampered { path: self.reader.place.database(), why }
    }
}

impl Iterator for Matches<'_> {
    type Item = Result<Row, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            self.at = None;
        }
        step.transpose()
    }
}

impl Track<'_> {
    /// The nearest entry of this track at `index` or beyond it in the query's order.
    fn find(&mut self, index: u64, order: Order) -> Result<Option<u64>, LedgerError> {
        let mut key = self.prefix.clone();
        key.extend(index.to_be_bytes());
        let found = match order {
            Order::OldestFirst => self.cursor.at_or_above(&key)?,
            Order::NewestFirst => self.cursor.at_or_below(&key)?,
        };
        Ok(found.and_then(|row| Some(u64::from_be_bytes(row.strip_prefix(&*self.prefix)?.try_into().ok()?))))
    }
}

impl Query {
    /// Whether a position lies in the range asked for.
    fn spans(&self, index: u64) -> bool {
        self.after.is_none_or(|after| index > after) && self.before.is_none_or(|before| index < before)
    }

    /// Whether an entry is asked for.
    fn takes(&self, head: &Head<'_>) -> bool {
        let Self { agent, stage, verdict, surface, reason, from_wall_ns, until_wall_ns, .. } = self;
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let record = &head.record;
        is(agent, head.agent())
            && is(stage, Some(&record.stage))
            && is(verdict, record.verdict.as_deref())
            && is(surface, record.surface.as_deref())
            && is(reason, record.reason.as_deref())
            && from_wall_ns.is_none_or(|from| head.wall_ns >= from)
            && until_wall_ns.is_none_or(|until| head.wall_ns < until)
    }
}

#[cfg(test)]
impl Row {
    /// As JSON, whatever version of guard wrote it.
    pub(super) fn value(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::from_slice(&self.bytes)
    }
}

#[cfg(test)]
impl Reader {
    /// One more than the last entry's position.
    pub(super) fn size(&self) -> u64 {
        self.size
    }
}
