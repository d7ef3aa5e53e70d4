//! Every source file opens with what it owns; one of over 500 lines explains itself.

use super::tree::{Finding, Tree};

const LINES_MAX: usize = 500;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        if !file.text.starts_with("//! ") {
            let fix = "open it with `//! ` and a sentence: what it owns and what it refuses";
            findings.push(file.finding(1, "does not say what it owns", fix));
        }
        let lines = file.text.lines().count();
        let explained = file.text.lines().any(|line| line.starts_with("//! Long because:"));
        if lines > LINES_MAX && !explained {
            let fix = "split it, or say why not in a line `//! Long because: …`";
            findings.push(file.finding(LINES_MAX + 1, format!("has {lines} lines"), fix));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_opening_and_a_long_one_are_found() {
        let long = "//! Owns x.\n".to_owned() + &"\n".repeat(LINES_MAX);
        let explained = "//! Long because: a table.\n".to_owned() + &long;
        let tree = Tree::of(&[("a.rs", "fn a() {}\n"), ("b.rs", &long), ("c.rs", &explained), ("d.md", "")]);
        let found: Vec<String> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["a.rs", "b.rs"]);
    }
}
