//! A crate that must be exchangeable has one place that names it: aya in kernel/, RocksDB in audit/store.rs.

use super::code::has_word;
use super::tree::{Finding, Tree};

const SOURCE: &str = "guard-daemon/src/";
/// Crate, where it may be named.
const OWNERS: [(&str, &str); 4] = [
    ("aya", "guard-daemon/src/kernel/"),
    ("aya_log", "guard-daemon/src/kernel/"),
    ("aya_obj", "guard-daemon/src/kernel/"),
    ("rocksdb", "guard-daemon/src/audit/store.rs"),
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().filter(|file| file.path.starts_with(SOURCE)) {
        let foreign = OWNERS.iter().filter(|(_, home)| !file.path.starts_with(home));
        for (name, home) in foreign {
            for (line, _) in file.code_lines().filter(|(_, line)| has_word(line, name)) {
                let what = format!("names the crate `{name}`, which belongs to {home}");
                findings.push(file.finding(line, what, "give that place a function that says what you want"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_owner_names_a_crate() {
        let text = "//! Knows nothing of aya.\nuse aya::Ebpf;\n";
        let found = check(&Tree::of(&[
            ("guard-daemon/src/app/mod.rs", text),
            ("guard-daemon/src/kernel/loader.rs", text),
            ("guard-daemon/src/audit/ledger.rs", "use rocksdb::DB;"),
            ("guard-daemon/src/audit/store.rs", "use rocksdb::DB;"),
        ]));
        let places: Vec<(&str, usize)> =
            found.iter().map(|found| (found.path.as_str(), found.line)).collect();
        assert_eq!(places, [("guard-daemon/src/app/mod.rs", 2), ("guard-daemon/src/audit/ledger.rs", 1)]);
    }
}
