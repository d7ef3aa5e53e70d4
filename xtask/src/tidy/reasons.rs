//! Every reason code stands in a test: a refusal whose reason nobody pins may turn into another one unnoticed.

use super::code::has_word;
use super::tree::{Finding, SourceFile, Tree};

const REASONS: &str = "guard-common/src/reason.rs";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    // Until the codes exist there is nothing to hold against the tests.
    let Some(file) = tree.files.iter().find(|file| file.path == REASONS) else { return Vec::new() };
    let tests: Vec<String> = tree.files.iter().filter_map(test_text).collect();
    let is_named = |reason: &Reason<'_>| {
        let variant = format!("Reason::{}", reason.variant);
        tests.iter().any(|text| has_word(text, &variant) || has_word(text, reason.code))
    };
    let untested = reasons(&file.text).into_iter().filter(|reason| !is_named(reason));
    let fix = "write the test whose refusal has this reason";
    let finding = |reason: Reason<'_>| {
        file.finding(reason.line, format!("reason `{}` is named by no test", reason.code), fix)
    };
    untested.map(finding).collect()
}

struct Reason<'a> {
    line: usize,
    variant: &'a str,
    code: &'a str,
}

fn reasons(text: &str) -> Vec<Reason<'_>> {
    let numbered = text.lines().enumerate();
    numbered.filter_map(|(index, line)| reason_in(index + 1, line)).collect()
}

/// A line of the form `Variant = 3 => "code",`.
fn reason_in(line: usize, text: &str) -> Option<Reason<'_>> {
    let (variant, rest) = text.split_once(" = ")?;
    let (_, code) = rest.split_once("=> \"")?;
    let (code, _) = code.split_once('"')?;
    Some(Reason { line, variant: variant.trim(), code })
}

/// What of a file is test: all of it below tests/ or in a file of tests, else from the first `cfg(test)` on.
fn test_text(file: &SourceFile) -> Option<String> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    if file.path.starts_with("tests/") || file.path.contains("/tests/") || name == "tests.rs" {
        return Some(file.text.clone());
    }
    let start = file.text.find("#[cfg(test)]").filter(|_| file.is_rust() && file.path != REASONS)?;
    file.text.get(start..).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_without_a_test_is_found() {
        let reasons = "wire_enum! {\n    NoEdge = 4 => \"no_edge\",\n    SurfaceOff = 3 => \"surface_off\",\n}\n\
                       const fn f() { Self::NoEdge => \"network_boundary\" }\n";
        let tests = "fn f() { assert_eq!(reason, Reason::NoEdge) }";
        let found = check(&Tree::of(&[(REASONS, reasons), ("tests/src/a.rs", tests)]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].line, 3);
        let more = ("guard-daemon/src/x.rs", "fn g() {}\n#[cfg(test)]\nmod tests { /* surface_off */ }");
        assert_eq!(check(&Tree::of(&[(REASONS, reasons), ("tests/src/a.rs", tests), more])), []);
    }
}
