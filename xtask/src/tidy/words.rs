//! Nothing in a tracked file belongs to one machine, one mirror or one ticket: a reader elsewhere has none of
//! them. Words are put together from parts, so that this file keeps its own rule.

use super::code::has_word;
use super::tree::{Finding, Tree};

const PLACE: &str = "ask the machine for it, or take it from the environment";
const TICKET: &str = "say what is true of the code instead: the reader cannot open it";
/// Text, what is wrong with it, what to do.
const FORBIDDEN: [(&str, &str, &str); 14] = [
    (concat!("deb.", "debian.org"), "names a mirror", PLACE),
    (concat!("static.", "crates.io"), "names a registry's host", PLACE),
    (concat!("index.", "crates.io"), "names a registry's host", PLACE),
    (concat!("registry.", "npmjs.org"), "names a registry's host", PLACE),
    (concat!("files.", "pythonhosted.org"), "names a registry's host", PLACE),
    (concat!("/work", "/main"), "names a folder of one machine", PLACE),
    (concat!("/work", "/shared"), "names a folder of one machine", PLACE),
    (concat!("/work", "/tmp"), "names a folder of one machine", PLACE),
    (concat!("/work", "/wt/"), "names a folder of one machine", PLACE),
    (concat!("/root", "/.cache"), "names a folder of one machine", PLACE),
    (concat!("/root", "/.cargo"), "names a folder of one machine", PLACE),
    (concat!("/root", "/.rustup"), "names a folder of one machine", PLACE),
    (concat!("this ", "session"), "speaks of how it was written", TICKET),
    (concat!("previous ", "session"), "speaks of how it was written", TICKET),
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (index, line) in file.text.lines().enumerate() {
            for (text, what, fix) in FORBIDDEN {
                if stands_alone(line, text) {
                    findings.push(file.finding(index + 1, format!("{what}: {text}"), fix));
                }
            }
            if names_a_ticket(line) {
                findings.push(file.finding(index + 1, "names a ticket by number", TICKET));
            }
        }
    }
    findings
}

/// A folder must begin a path: `/home/me/work/x` is none of ours.
fn stands_alone(line: &str, text: &str) -> bool {
    let is_path = text.starts_with('/');
    line.match_indices(text).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        !is_path || !before.is_some_and(|char| char.is_alphanumeric() || "_-.}~/$".contains(char))
    })
}

fn names_a_ticket(line: &str) -> bool {
    let lower = line.to_lowercase();
    ["issue", "item", "ticket"].iter().any(|word| {
        let sign = format!("{word} #");
        has_word(&lower, word)
            && lower.match_indices(&sign).any(|(at, _)| {
                lower
                    .get(at + sign.len()..)
                    .is_some_and(|tail| tail.starts_with(|c: char| c.is_ascii_digit()))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_one_machine_is_found() {
        let sample = |text: &str| check(&Tree::of(&[("docs/a.md", text)])).len();
        assert_eq!(sample(concat!("see /work", "/main")), 1);
        assert_eq!(sample(concat!("http://deb.", "debian.org/debian")), 1);
        assert_eq!(sample(concat!("Fixes issue", " #12.")), 1);
        assert_eq!(sample("/work/agent/a.py, /home/me/work/main, an MCP session, item #n"), 0);
    }
}
