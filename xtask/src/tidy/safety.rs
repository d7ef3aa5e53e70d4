//! Unsafe code lives in the kernel programs and in the daemon's kernel/ only; each block says why it is sound.

use super::code::has_word;
use super::tree::{Finding, SourceFile, Tree};

const HOMES: [&str; 2] = ["guard-ebpf/", "guard-daemon/src/kernel/"];
/// How far above its block a SAFETY comment may begin.
const LINES_ABOVE: usize = 12;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let at_home = HOMES.iter().any(|home| file.path.starts_with(home));
    let text: Vec<&str> = file.text.lines().collect();
    let mut findings = Vec::new();
    for (line, code) in file.code_lines().filter(|(_, code)| has_word(code, "unsafe")) {
        if !at_home {
            let fix = "use a safe form, or give guard-daemon/src/kernel a safe function for it";
            findings.push(file.finding(line, "unsafe code outside the places that may have it", fix));
        } else if needs_reason(code) && !has_reason(&text, line) {
            let fix = "write `// SAFETY:` above it: why it is needed and why it is sound";
            findings.push(file.finding(line, "unsafe code without a reason", fix));
        }
    }
    findings
}

/// Blocks and impls claim something; `unsafe fn` and `#[unsafe(…)]` only ask it of others.
fn needs_reason(code: &str) -> bool {
    code.contains("unsafe {") || code.contains("unsafe impl") || code.trim_end().ends_with("unsafe")
}

/// In the block itself, on its first line, or above it without a blank line between.
fn has_reason(text: &[&str], line: usize) -> bool {
    let above = text.iter().take(line - 1).rev().take(LINES_ABOVE);
    let joined = above.take_while(|line| !line.trim().is_empty());
    let here = text.iter().skip(line - 1).take(2);
    here.chain(joined).any(|line| line.contains("SAFETY:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_outside_its_homes_is_found() {
        let text = "//! No unsafe here.\n// SAFETY: no\nfn f() { unsafe { g() } }\n";
        let found = check(&Tree::of(&[("guard-daemon/src/app/mod.rs", text)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 3);
    }

    #[test]
    fn unsafe_code_without_a_reason_is_found() {
        let text = "// SAFETY: g reads nothing.\nlet a = unsafe { g() };\n\nlet b = unsafe { g() };\n";
        let found = check(&Tree::of(&[("guard-ebpf/src/zone.rs", text)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 4);
    }
}
