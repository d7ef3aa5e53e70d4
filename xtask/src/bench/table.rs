//! One kernel's figures as a section of Markdown, which is what the screen shows as well.

use std::fmt::Write as _;

use super::figures::{BARE, Figures};
use super::target::{self, DEPTH};
use crate::kernel::Kernel;

/// Depths that are compared where depth counts.
const DEPTHS: [u32; 3] = [3, DEPTH, 28];
/// Peers, by the names of their set-ups and as they are called.
const PEERS: [(&str, &str); 3] =
    [("landlock", "Landlock"), ("apparmor", "AppArmor"), ("fapolicyd", "fapolicyd")];
/// A file that another agent has opened: its zone is kept, and its use is told.
const KNOWN: &str = "open-first, known to another agent";
const WORKLOADS: [(&str, &str); 4] = [
    ("git", "git clone, git log"),
    ("build", "C build"),
    ("python", "Python test suite"),
    ("npm", "npm install, local package"),
];

pub(super) fn section(kernel: Kernel, figures: &Figures) -> String {
    let mut text = format!("## Linux {} ({})\n", kernel.name(), figures.release);
    for (title, table) in [
        ("Targets", targets(figures)),
        ("What is added to an operation, in instructions", operations(figures)),
        ("By depth: folders between the root and the object", depths(figures)),
        ("By entries of the policy", entries(figures)),
        ("Where they go: each program of guard's", programs(figures)),
        ("Whole workloads", workloads(figures)),
        ("Memory of the kernel", memory(figures)),
    ] {
        if table.rows > 0 {
            let _ = write!(text, "\n### {title}\n\n{}", table.text);
        }
    }
    text
}

/// Rows of Markdown: the first is the head.
struct Table {
    text: String,
    rows: usize,
}

impl Table {
    fn new<S: AsRef<str>>(head: &[S]) -> Self {
        let mut table = Self { text: String::new(), rows: 0 };
        table.row(head);
        let rule: Vec<&str> =
            (0..head.len()).map(|column| if column == 0 { "---" } else { "---:" }).collect();
        table.row(&rule);
        table.rows = 0;
        table
    }

    fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
        self.rows += 1;
    }
}

fn targets(figures: &Figures) -> Table {
    let mut table = Table::new(&["to reach", "bound", "measured", ""]);
    for target in target::all(figures) {
        table.row(&[target.what.as_str(), &target.bound, &target.figure, target.verdict()]);
    }
    table
}

fn operations(figures: &Figures) -> Table {
    let peers = PEERS.map(|(_, called)| called);
    let mut head = vec!["operation", "bare"];
    head.extend(peers);
    head.extend(["guard, not enrolled", "guard, agent", "guardd for it"]);
    let mut table = Table::new(&head);
    for name in figures.operation_names() {
        let Some(bare) = figures.operation(BARE, name, Some(DEPTH), None) else { continue };
        let mut row = vec![name.to_owned(), grouped(bare.caller.cast_signed())];
        let setups = PEERS.iter().map(|(setup, _)| *setup).chain(["loaded", "agent"]);
        row.extend(setups.map(|setup| shown(figures.added(setup, name, Some(DEPTH), None))));
        let daemon = figures.operation("agent", name, Some(DEPTH), None);
        row.push(shown(daemon.map(|told| told.daemon.cast_signed())));
        table.row(&row);
    }
    for (setup, name, note) in [
        ("agent-second", "open-first", KNOWN),
        ("empty", "open-read", "open-read, a program that does nothing"),
    ] {
        if let Some(added) = figures.added(setup, name, Some(DEPTH), None) {
            let mut row = vec![note.to_owned()];
            row.resize(head.len() - 2, String::new());
            row.push(grouped(added));
            row.push(String::new());
            table.row(&row);
        }
    }
    table
}

fn depths(figures: &Figures) -> Table {
    let setups = [("landlock", "Landlock"), ("apparmor", "AppArmor"), ("agent", "guard, agent")];
    let mut head = vec!["operation".to_owned()];
    head.extend(setups.iter().flat_map(|(_, called)| DEPTHS.map(|depth| format!("{called}, {depth}"))));
    let mut table = Table::new(&head);
    let at_depths =
        |setup: &str, name: &str| DEPTHS.map(|depth| shown(figures.added(setup, name, Some(depth), None)));
    for name in figures.operation_names() {
        let by_depth =
            figures.operation(BARE, name, Some(DEPTH), None).is_some_and(|told| told.depth.is_some());
        if by_depth {
            let mut row = vec![name.to_owned()];
            row.extend(setups.iter().flat_map(|(setup, _)| at_depths(setup, name)));
            table.row(&row);
        }
    }
    if table.rows > 0 {
        let mut row = vec![KNOWN.to_owned()];
        row.resize(head.len() - DEPTHS.len(), String::new());
        row.extend(at_depths("agent-second", "open-first"));
        table.row(&row);
    }
    table
}

fn entries(figures: &Figures) -> Table {
    let mut sizes: Vec<usize> = figures
        .operations
        .iter()
        .filter(|told| told.setup == "agent")
        .filter_map(|told| told.entries)
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut head = vec!["guard, agent".to_owned()];
    head.extend(sizes.iter().map(|size| format!("{} entries", grouped(*size as i64))));
    let mut table = Table::new(&head);
    for name in figures.operation_names() {
        let row: Vec<String> =
            sizes.iter().map(|size| shown(figures.added("agent", name, Some(DEPTH), Some(*size)))).collect();
        if row.iter().any(|cell| !cell.is_empty()) {
            table.row(&[vec![name.to_owned()], row].concat());
        }
    }
    table
}

fn programs(figures: &Figures) -> Table {
    let mut table = Table::new(&["operation", "program", "runs", "not enrolled", "agent"]);
    for told in figures.programs.iter().filter(|told| told.setup == "agent") {
        let outside = figures.programs.iter().find(|other| {
            other.setup == "loaded" && other.operation == told.operation && other.program == told.program
        });
        table.row(&[
            told.operation.clone(),
            format!("`{}`", told.program),
            format!("{:.1}", told.runs),
            shown(outside.map(|outside| outside.instructions.round() as i64)),
            grouped(told.instructions.round() as i64),
        ]);
    }
    table
}

fn workloads(figures: &Figures) -> Table {
    let mut table =
        Table::new(&["workload", "bare", "guard, not enrolled", "guard, agent", "guardd meanwhile"]);
    for (name, called) in WORKLOADS {
        let Some(bare) = figures.workload(BARE, name) else { continue };
        let share = |setup| figures.workload_share(setup, name);
        let percent =
            |share: Option<f64>| share.map_or_else(String::new, |share| format!("{:+.2} %", share * 100.0));
        let daemon = figures.workload("agent", name).map(|told| told.daemon as f64 / bare.caller as f64);
        table.row(&[
            called.to_owned(),
            grouped(bare.caller.cast_signed()),
            percent(share("loaded")),
            percent(share("agent")),
            percent(daemon),
        ]);
    }
    table
}

fn memory(figures: &Figures) -> Table {
    let mut table = Table::new(&["", "of the kernel"]);
    let kib = |bytes: i64| format!("{} KiB", grouped(bytes / 1024));
    for told in &figures.memory {
        table.row(&[format!("{} entries", grouped(told.entries as i64)), kib(told.held.cast_signed())]);
    }
    if let Some(told) = figures.agents {
        table.row(&[format!("{} agents beside that", grouped(told.agents)), kib(told.grown)]);
    }
    table
}

fn shown(number: Option<i64>) -> String {
    number.map_or_else(String::new, grouped)
}

/// 14,036.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::SAMPLE;
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, -1_234_567].map(grouped), ["0", "999", "1,000", "-1,234,567"]);
    }

    #[test]
    fn every_table_stands_in_the_section_with_its_figures() {
        let figures = Figures::read(SAMPLE).expect("the sample reads");
        let text = section(Kernel::V6_1, &figures);
        for line in [
            "## Linux 6.1 (6.1.0-1-amd64)",
            "| open-read | 14,000 | 2,400 |  |  | 282 | 390 | 5 |",
            "| open-read |  | 2,400 |  |  |  |  |  | 390 |  |",
            "| open-read | 390 | 500 |",
            "| git clone, git log | 1,000 | +0.50 % | +10.00 % | +90.00 % |",
            "| 100,000 entries | 20,214 KiB |",
            "| 1,000 agents beside that | 625 KiB |",
        ] {
            assert!(text.contains(line), "{line}\nin\n{text}");
        }
    }

    #[test]
    fn a_table_without_rows_is_left_out() {
        let text = section(Kernel::V6_1, &Figures::default());
        assert!(!text.contains("Whole workloads"), "{text}");
    }
}
