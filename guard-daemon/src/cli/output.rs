//! What reaches standard output: text, tables, JSON, local times. Nothing here has colours, and nothing that an
//! agent named reaches a terminal unescaped.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde::Serialize;

use super::failure::{Failure, Outcome};

/// Widest table: what a terminal shows without wrapping.
const COLUMNS: usize = 80;
/// Between two columns of a table.
const GAP: usize = 2;

/// Prints `text` as it is. A reader that went away (`guard agents | head -1`) is no failure: it has what it wanted.
pub(crate) fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints one JSON object.
pub(crate) fn print_json(value: &impl Serialize) -> Outcome {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string()))?;
    text.push('\n');
    print(&text)
}

/// Local time of an instant in milliseconds since the Unix epoch: `2026-03-01T14:05:09+01:00`.
pub(crate) fn local_time(wall_ms: u64) -> String {
    format_time(wall_ms, &jiff::tz::TimeZone::system())
}

fn format_time(wall_ms: u64, zone: &jiff::tz::TimeZone) -> String {
    let timestamp = i64::try_from(wall_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(
        || format!("{wall_ms} ms"),
        |timestamp| timestamp.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    )
}

/// The same text with control characters escaped: a file's name is the agent's to choose, and must not move the
/// cursor of who reads about it. Backslashes stay, so that what a record has escaped is not escaped again: this is
/// read, and compared with nothing.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        // Bidirectional controls reorder what stands around them; they are no control characters by class.
        let reorders =
            matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || reorders {
            let _ = write!(safe, "{}", character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Rows under a heading, each column as wide as its widest cell. The last column takes what is left.
#[derive(Debug)]
pub(crate) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(heading: &[&'static str]) -> Self {
        Self { heading: heading.to_vec(), rows: Vec::new() }
    }

    /// Adds a row of as many cells as the heading has.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// The table as text. A last cell that does not fit goes on in the next line, under itself.
    pub(crate) fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.heading.len()).map(|column| self.width(column)).collect();
        let heading: Vec<String> = self.heading.iter().map(|cell| (*cell).to_owned()).collect();
        let mut text = String::new();
        for row in std::iter::once(&heading).chain(&self.rows) {
            render_row(&mut text, row, &widths);
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(self.heading.get(column).map(|cell| cell.len())).max().unwrap_or(0)
    }
}

fn render_row(text: &mut String, row: &[String], widths: &[usize]) {
    let Some((last, cells)) = row.split_last() else { return };
    let mut indent = 0;
    for (cell, width) in cells.iter().zip(widths) {
        let _ = write!(text, "{cell:width$}{:GAP$}", "");
        indent += width + GAP;
    }
    // A column too narrow to read is worse than a line that wraps.
    let room = COLUMNS.saturating_sub(indent).max(COLUMNS / 4);
    for (index, line) in wrap(last, room).iter().enumerate() {
        if index > 0 {
            let _ = write!(text, "{:indent$}", "");
        }
        text.push_str(line);
        while text.ends_with(' ') {
            text.pop();
        }
        text.push('\n');
    }
}

/// Lines of at most `room` characters, broken at spaces; a longer word (a path) stays whole, to be copied.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("never empty: it starts with one line and only grows");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks() {
        let mut table = Table::new(&["AGENT", "N", "WHERE"]);
        table.row(["a".to_owned(), "100".to_owned(), String::new()]);
        table.row(["longer-name".to_owned(), "1".to_owned(), "/w".to_owned()]);
        let expected = "AGENT        N    WHERE\na            100\nlonger-name  1    /w\n";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn a_last_cell_that_is_too_long_goes_on_under_itself_within_80_columns() {
        let mut table = Table::new(&["NAME", "TEXT"]);
        table.row(["x".to_owned(), "word ".repeat(40).trim_end().to_owned()]);
        let text = table.render();
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        assert!(text.lines().skip(2).all(|line| line.starts_with("      word")), "{text}");
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        let path = "/p".repeat(60);
        assert_eq!(wrap(&format!("see {path} now"), 30), ["see".to_owned(), path, "now".to_owned()]);
    }

    #[test]
    fn a_name_that_an_agent_chose_cannot_move_the_cursor_or_turn_the_text() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\u{202e}c"), "a\\u{1b}[2Jb\\r\\n\\u{202e}c");
        assert_eq!(printable("grün/名前"), "grün/名前");
    }

    #[test]
    fn times_are_local_with_their_offset() {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(-3));
        assert_eq!(format_time(1_700_000_000_999, &zone), "2023-11-14T19:13:20-03:00");
        assert_eq!(format_time(u64::MAX, &zone), "18446744073709551615 ms");
    }
}
