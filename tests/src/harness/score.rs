//! The table that an enforcer ends up with: what it let through, and what it refused too much, by class.

use std::collections::BTreeMap;
use std::fmt;

use crate::bypass::CLASSES;

/// What became of one case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The attack had no effect.
    pub refused: bool,
    /// The refusal stands in the enforcer's own record, alone and with the right reason.
    pub recorded: bool,
    /// The allowed variant had no effect.
    pub over_blocked: bool,
}

/// One class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    cases: u32,
    refused: u32,
    reached: u32,
    over_blocked: u32,
    recorded: u32,
    lacking: u32,
    broken: u32,
}

/// Every class.
#[derive(Clone, Debug, Default)]
pub struct Score(BTreeMap<char, Row>);

impl Score {
    /// Counts a case that was tried.
    pub fn add(&mut self, id: &str, mark: Mark) {
        let Mark { refused, recorded, over_blocked } = mark;
        let row = self.row(id);
        row.cases += 1;
        row.refused += u32::from(refused);
        row.reached += u32::from(!refused);
        row.recorded += u32::from(recorded);
        row.over_blocked += u32::from(over_blocked);
    }

    /// Counts a case that this kernel cannot be attacked with.
    pub fn add_lacking(&mut self, id: &str) {
        self.row(id).lacking += 1;
    }

    /// Counts a case that proved nothing.
    pub fn add_broken(&mut self, id: &str) {
        self.row(id).broken += 1;
    }

    fn row(&mut self, id: &str) -> &mut Row {
        self.0.entry(id.chars().next().unwrap_or('?')).or_default()
    }
}

/// One line a class, and one for all.
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name: &str, row: &Row| {
            let Row { cases, refused, reached, over_blocked, recorded, lacking, broken } = row;
            writeln!(
                f,
                "{name:<16}{cases:>7}{refused:>9}{reached:>9}{recorded:>10}{over_blocked:>14}{lacking:>9}{broken:>8}"
            )
        };
        writeln!(
            f,
            "{:<16}{:>7}{:>9}{:>9}{:>10}{:>14}{:>9}{:>8}",
            "class", "cases", "refused", "reached", "recorded", "over-blocked", "lacking", "broken"
        )?;
        let mut all = Row::default();
        for (letter, folder, _) in CLASSES {
            let Some(row) = self.0.get(&letter) else { continue };
            line(f, &format!("{letter} {folder}"), row)?;
            all = all.plus(row);
        }
        line(f, "all", &all)
    }
}

impl Row {
    fn plus(&self, other: &Self) -> Self {
        let Self { cases, refused, reached, over_blocked, recorded, lacking, broken } = *other;
        Self {
            cases: self.cases + cases,
            refused: self.refused + refused,
            reached: self.reached + reached,
            over_blocked: self.over_blocked + over_blocked,
            recorded: self.recorded + recorded,
            lacking: self.lacking + lacking,
            broken: self.broken + broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_stands_in_one_column_of_each_kind() {
        let mut score = Score::default();
        score.add("E01", Mark { refused: true, recorded: true, over_blocked: false });
        score.add("E02b", Mark { refused: false, recorded: false, over_blocked: true });
        score.add_lacking("F23e");
        let table: Vec<Vec<String>> = score
            .to_string()
            .lines()
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect();
        assert_eq!(table[1], ["E", "exec", "2", "1", "1", "1", "1", "0", "0"]);
        assert_eq!(table[2], ["F", "file", "0", "0", "0", "0", "0", "1", "0"]);
        assert_eq!(table[3], ["all", "2", "1", "1", "1", "1", "1", "0"]);
    }
}
