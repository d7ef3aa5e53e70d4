//! Reading one parsed text: typed access to tables, lists and texts that complains, with the spot, about every
//! key nobody knows and every value of the wrong kind. Never stops at the first complaint.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Problems, nearest};
use super::source::{Sources, Spot};

/// Complaints shown; the rest is counted. A file that is wrong throughout is not helped by more.
const PROBLEMS_MAX: usize = 100;

/// Complaints so far.
#[derive(Default)]
pub(super) struct Report {
    problems: Vec<(Spot, String, String)>,
    warnings: Vec<(Spot, String, String)>,
    left_out: usize,
}

impl Report {
    /// The policy is refused for this.
    pub(super) fn refuse(&mut self, spot: Spot, reason: impl Into<String>, hint: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push((spot, reason.into(), hint.into()));
        } else {
            self.left_out += 1;
        }
    }

    /// The policy is taken, and this is told.
    pub(super) fn warn(&mut self, spot: Spot, reason: impl Into<String>, hint: impl Into<String>) {
        if self.warnings.len() < PROBLEMS_MAX {
            self.warnings.push((spot, reason.into(), hint.into()));
        }
    }

    /// The warnings, if nothing was refused.
    pub(super) fn finish(mut self, sources: &Sources) -> Result<Vec<Problem>, Problems> {
        let place = |(spot, reason, hint): (Spot, String, String)| Problem {
            place: sources.place(spot),
            reason,
            hint,
        };
        if self.problems.is_empty() {
            self.warnings.sort();
            return Ok(self.warnings.into_iter().map(place).collect());
        }
        self.problems.sort();
        let mut problems: Vec<Problem> = self.problems.into_iter().map(place).collect();
        if let (Some(last), true) = (problems.last_mut(), self.left_out > 0) {
            last.hint = format!("{}; and {} more problems", last.hint, self.left_out);
        }
        Err(Problems(problems))
    }
}

/// A text of the policy, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) spot: Spot,
}

/// A table of file number `file`.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) file: usize,
    pub(super) spot: Spot,
    pub(super) table: &'a DeTable<'a>,
}

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    file: usize,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Table<'a> {
    /// Complains about keys other than `known`.
    pub(super) fn only(&self, what: &str, known: &[&str], report: &mut Report) {
        for (key, _) in self.table.iter() {
            let name = key.get_ref();
            if !known.contains(&name.as_ref()) {
                let spot = Spot { file: self.file, offset: key.span().start };
                let hint = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known here: {}", list(known)),
                };
                report.refuse(spot, format!("unknown key `{name}` in {what}"), hint);
            }
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<Value<'a>> {
        self.table.get(key).map(|value| Value { file: self.file, value })
    }

    /// The list of tables under `key`, of whose keys it complains beyond `known`; `what` is one of them.
    pub(super) fn tables(
        &self,
        key: &str,
        (what, known): (&str, &[&str]),
        example: &str,
        report: &mut Report,
    ) -> Vec<Table<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.items() else {
            value.refuse_kind(&format!("`{key}`"), "a list of tables", example, report);
            return Vec::new();
        };
        let tables: Vec<_> = items.into_iter().filter_map(|item| item.table(what, example, report)).collect();
        tables.iter().for_each(|table| table.only(what, known, report));
        tables
    }

    /// Entries in the order of the text.
    pub(super) fn entries(&self) -> Vec<(Text, Value<'a>)> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| {
                let spot = Spot { file: self.file, offset: key.span().start };
                (Text { text: key.get_ref().to_string(), spot }, Value { file: self.file, value })
            })
            .collect();
        entries.sort_by_key(|(key, _)| key.spot);
        entries
    }

    /// The list of texts under `key`; none where the key is absent or wrong.
    pub(super) fn texts(&self, key: &str, example: &str, report: &mut Report) -> Vec<Text> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.items() else {
            value.refuse_kind(&format!("`{key}`"), "a list of texts", example, report);
            return Vec::new();
        };
        items
            .into_iter()
            .filter_map(|item| item.text(&format!("an item of `{key}`"), example, report))
            .collect()
    }
}

impl<'a> Value<'a> {
    pub(super) fn spot(&self) -> Spot {
        Spot { file: self.file, offset: self.value.span().start }
    }

    fn kind(&self) -> &'static str {
        match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    pub(super) fn refuse_kind(&self, what: &str, wanted: &str, example: &str, report: &mut Report) {
        report.refuse(self.spot(), format!("{what} must be {wanted}, and is {}", self.kind()), example);
    }

    pub(super) fn table(&self, what: &str, example: &str, report: &mut Report) -> Option<Table<'a>> {
        if let DeValue::Table(table) = self.value.get_ref() {
            return Some(Table { file: self.file, spot: self.spot(), table });
        }
        self.refuse_kind(what, "a table", example, report);
        None
    }

    pub(super) fn items(&self) -> Option<Vec<Value<'a>>> {
        let DeValue::Array(items) = self.value.get_ref() else { return None };
        Some(items.iter().map(|value| Value { file: self.file, value }).collect())
    }

    pub(super) fn text(&self, what: &str, example: &str, report: &mut Report) -> Option<Text> {
        if let DeValue::String(text) = self.value.get_ref() {
            return Some(Text { text: text.to_string(), spot: self.spot() });
        }
        self.refuse_kind(what, "a text", example, report);
        None
    }

    pub(super) fn integer(&self) -> Option<i64> {
        let DeValue::Integer(number) = self.value.get_ref() else { return None };
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    }
}

/// `a, b, c`, each in backquotes.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
