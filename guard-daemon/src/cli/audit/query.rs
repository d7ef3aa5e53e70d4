//! `guard audit query`: records by agent, kind, verdict, surface, reason and time.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use guard_common::{Reason, Surface, Verdict};

use super::{place, time};
use crate::audit::{Order, Query as Terms, Reader, Row};
use crate::cli::Places;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output::{Table, local_time, print};
use crate::model::record::{Instance, Record, STAGES};

/// Shows records of the ledger.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  guard audit query                              the last twenty records
  guard audit query --agent ada --verdict deny --since 2h
  guard audit query --stage kill -n 1
  guard audit query --json -n 0 > all.jsonl      every record, as it is stored

Works beside a daemon and without one. It shows what is stored; `guard audit verify` says whether
that is what was signed.")]
pub(crate) struct Query {
    /// Only of this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only of this kind
    #[arg(long, value_name = "STAGE", value_parser = PossibleValuesParser::new(STAGES))]
    stage: Option<String>,
    /// Only with this verdict
    #[arg(long, value_name = "VERDICT", value_parser = words(Verdict::ALL, Verdict::name))]
    verdict: Option<String>,
    /// Only of this surface
    #[arg(long, value_name = "SURFACE", value_parser = words(Surface::ALL, Surface::name))]
    surface: Option<String>,
    /// Only with this reason
    #[arg(long, value_name = "CODE", value_parser = words(Reason::ALL, Reason::name))]
    reason: Option<String>,
    /// Only since then: 2026-03-01T14:05, 2026-03-01, or 10m, 2h, 7d ago
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<u64>,
    /// Only before then
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<u64>,
    /// Only after this entry
    #[arg(long, value_name = "ENTRY")]
    after: Option<u64>,
    /// Only before this entry
    #[arg(long, value_name = "ENTRY")]
    before: Option<u64>,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
    /// How many at most; 0 for all
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 20)]
    most: usize,
    /// Another state folder, such as a copy [default: --state]
    #[arg(long, value_name = "FOLDER")]
    db: Option<PathBuf>,
    /// One JSON object a line, as it is stored, instead of a table
    #[arg(long)]
    json: bool,
}

impl Query {
    /// Asks and tells.
    pub(crate) fn execute(self, places: &Places) -> Outcome {
        let place = place(self.db.as_deref(), places);
        let json = self.json;
        let terms = self.terms();
        let reader = Reader::open(&place)?;
        let rows = reader.query(&terms);
        if json { lines(rows) } else { table(rows) }
    }

    fn terms(self) -> Terms {
        Terms {
            agent: self.agent,
            stage: self.stage,
            verdict: self.verdict,
            surface: self.surface,
            reason: self.reason,
            from_wall_ns: self.since,
            until_wall_ns: self.until,
            after: self.after,
            before: self.before,
            order: if self.oldest_first { Order::OldestFirst } else { Order::NewestFirst },
            limit: (self.most > 0).then_some(self.most),
        }
    }
}

/// One at a time: a ledger need not fit in memory.
fn lines<E: Into<Failure>>(rows: impl Iterator<Item = Result<Row, E>>) -> Outcome {
    let mut out = BufWriter::new(io::stdout().lock());
    for row in rows {
        let row = row.map_err(Into::into)?;
        match out.write_all(&row.bytes).and_then(|()| out.write_all(b"\n")) {
            Ok(()) => {}
            // The reader has what it wanted.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn table<E: Into<Failure>>(rows: impl Iterator<Item = Result<Row, E>>) -> Outcome {
    let mut table = Table::new(&["ENTRY", "TIME", "STAGE", "WHAT"]);
    let mut any = false;
    for row in rows {
        let row = row.map_err(Into::into)?;
        let [time, stage, what] = cells(&row);
        table.row([row.index.to_string(), time, stage, what]);
        any = true;
    }
    print(&if any { table.render() } else { "no record fits\n".to_owned() })
}

/// A row that this guard cannot read, of a later version, is shown as it is.
fn cells(row: &Row) -> [String; 3] {
    match row.entry() {
        Ok(entry) => {
            let (stage, what) = describe(&entry.record);
            [local_time(entry.wall_ns / 1_000_000), stage.to_owned(), what]
        }
        Err(_) => ["?".to_owned(), "?".to_owned(), String::from_utf8_lossy(&row.bytes).into_owned()],
    }
}

/// The names of everything of a kind, as the only words that are taken.
fn words<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str) -> PossibleValuesParser {
    PossibleValuesParser::new(all.iter().map(|one| name(*one)).collect::<Vec<_>>())
}

/// A record's stage, and the record in a line.
fn describe(record: &Record) -> (&'static str, String) {
    match record {
        Record::Start(start) => {
            let how = if start.adopted { "adopted what was in force" } else { "put in force" };
            ("start", format!("guardd {} on {}: {how}", start.version, start.kernel))
        }
        Record::Stop { why } => ("stop", why.clone()),
        Record::Policy(policy) => (
            "policy",
            format!("generation {}, {}, sha256 {}", policy.generation, policy.source, policy.sha256),
        ),
        Record::Launch(launch) => {
            let (agent, profile) = (&launch.instance.agent, &launch.instance.profile);
            let words = launch.command.join(" ");
            (
                "launch",
                format!("{agent} as {profile} by uid {} in {}: {words}", launch.by.uid, launch.workdir),
            )
        }
        Record::Enrol(enrol) => {
            let Instance { agent, profile, .. } = &enrol.instance;
            let by = enrol.by.as_ref().map_or_else(
                || "it was there before".to_owned(),
                |by| format!("by {} ({}, uid {})", by.comm, by.process.pid, by.uid),
            );
            ("enrol", format!("{agent} as {profile}: cgroup {}, {by}", enrol.path))
        }
        Record::Enter(enter) => {
            let agent = enter.instance.as_ref().map_or("?", |instance| &instance.agent);
            let by = &enter.by;
            let (whom, who) = (enter.process.pid, by.process.pid);
            ("enter", format!("{agent}: process {whom}, by {} ({who}, uid {})", by.comm, by.uid))
        }
        Record::Exit { instance } => ("exit", instance.agent.clone()),
        Record::Enforce(enforce) => {
            let agent = enforce.instance.as_ref().map_or("?", |instance| &instance.agent);
            let object = enforce.object.to_string();
            let (surface, zone, reason) = (&enforce.surface, &enforce.zone, &enforce.reason);
            ("enforce", format!("{} {agent} {surface} {object} ({zone}) [{reason}]", enforce.verdict))
        }
        Record::Kill(kill) => {
            let whom = kill.agent.as_deref().unwrap_or("every agent");
            ("kill", format!("{} {whom}, by uid {}", kill.mode, kill.by.uid))
        }
        Record::Recover(recover) => {
            let whom = recover.agent.as_deref().unwrap_or("every agent");
            ("recover", format!("{whom}, by uid {}: {}", recover.by.uid, recover.note))
        }
        Record::Surface { surface, on, by } => {
            ("surface", format!("{surface} {}, by uid {}", if *on { "on" } else { "off" }, by.uid))
        }
        Record::Gap { ring, cpu, from, to } => {
            ("gap", format!("{ring} ring, CPU {cpu}: events {from} to {to} were lost"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Kill, Operator};

    #[test]
    fn records_are_told_in_a_line() {
        let by = Operator { uid: 0, login_uid: None, pid: 1 };
        let kill = Record::Kill(Kill { agent: None, mode: "freeze".into(), by, at: 1 });
        assert_eq!(describe(&kill), ("kill", "freeze every agent, by uid 0".to_owned()));
        let gap = Record::Gap { ring: "allow".into(), cpu: 1, from: 3, to: 9 };
        assert_eq!(describe(&gap).1, "allow ring, CPU 1: events 3 to 9 were lost");
    }

    #[test]
    fn an_entry_of_a_later_version_is_shown_as_it_is() {
        let row = Row { index: 1, bytes: b"{\"version\":9}".to_vec() };
        assert_eq!(cells(&row)[2], "{\"version\":9}");
    }
}
