//! Passed, failed, skipped: read from what test programs print, added up, printed in one form.

use std::fmt;
use std::ops::AddAssign;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
    /// A line for each that failed, as its test program said it. Said again at the end: a run is long, and often
    /// only its end is kept.
    pub(crate) wrong: Vec<String>,
}

impl Count {
    /// Of one check that is a whole.
    pub(crate) fn of(name: &str, passed: bool) -> Count {
        if passed { Count { passed: 1, ..Count::default() } } else { Count::failure(format!("FAIL {name}")) }
    }

    pub(crate) fn failure(line: String) -> Count {
        Count { failed: 1, wrong: vec![line], ..Count::default() }
    }

    /// The same, with its lines said to be of this guest.
    pub(crate) fn in_guest(mut self, name: &str) -> Count {
        self.wrong.iter_mut().for_each(|line| *line = format!("{name}: {line}"));
        self
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, Count { passed, failed, skipped, wrong }: Count) {
        self.passed += passed;
        self.failed += failed;
        self.skipped += skipped;
        self.wrong.extend(wrong);
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count { passed, failed, skipped, wrong: _ } = self;
        write!(f, "{passed} passed, {failed} failed")?;
        if *skipped > 0 { write!(f, ", {skipped} skipped") } else { Ok(()) }
    }
}

/// Sums libtest's lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`. A test program that does not compile or
/// dies has no such line, and its run no success.
pub(crate) fn unit(output: &str, succeeded: bool) -> Count {
    let is_wrong = |line: &&str| line.starts_with("test ") && line.ends_with("FAILED");
    let mut total = Count { wrong: lines(output, is_wrong), ..Count::default() };
    for line in output.lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
        let line = line.split_once(". ").map_or(line, |(_, numbers)| numbers);
        let number = |name: &str| number_before(line, ';', name).unwrap_or_default();
        total.passed += number("passed");
        total.failed += number("failed");
        total.skipped += number("ignored");
    }
    if !succeeded && total.failed == 0 {
        total += Count::failure("FAIL unit tests: a test program did not compile, or died".to_owned());
    }
    total
}

/// The suites' closing line, `N passed, N failed, N skipped`. Skips count as failures; so does a run that ended
/// without that line, or with a status that contradicts it.
pub(crate) fn suites(output: &str, succeeded: bool) -> Count {
    let wrong = lines(output, |line| line.starts_with("FAIL ") || line.starts_with("SKIP "));
    let number = |line: &str, name: &str| number_before(line, ',', name);
    let closing = output
        .lines()
        .rev()
        .find_map(|line| Some((number(line, "passed")?, number(line, "failed")?, number(line, "skipped"))));
    let Some((passed, failed, skipped)) = closing else {
        let mut seen = seen_so_far(output, wrong);
        let last = output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
        seen += Count::failure(format!("FAIL the guest broke off after: {last}"));
        return seen;
    };
    let failed = failed + skipped.unwrap_or_default();
    let mut total = Count { passed, failed, skipped: 0, wrong };
    // Died after its last line, or ran nothing at all: neither is a success.
    if (failed == 0) != succeeded && failed == 0 || passed + failed == 0 {
        total += Count::failure("FAIL the suites ran nothing, or died after their last line".to_owned());
    }
    total
}

fn lines(output: &str, mut wanted: impl FnMut(&&str) -> bool) -> Vec<String> {
    output.lines().filter(|line| wanted(line)).map(str::to_owned).collect()
}

/// What there was before a run broke off.
fn seen_so_far(output: &str, wrong: Vec<String>) -> Count {
    let number = |lines: usize| u32::try_from(lines).unwrap_or(u32::MAX);
    let passed = output.lines().filter(|line| line.starts_with("ok ")).count();
    Count { passed: number(passed), failed: number(wrong.len()), skipped: 0, wrong }
}

/// 3 for `passed` in `3 passed, 0 failed`; the parts must have that form.
fn number_before(line: &str, separator: char, name: &str) -> Option<u32> {
    line.split(separator).find_map(|part| part.trim().strip_suffix(name)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(count: &Count) -> (u32, u32, u32, Vec<&str>) {
        (count.passed, count.failed, count.skipped, count.wrong.iter().map(String::as_str).collect())
    }

    #[test]
    fn result_lines_of_all_test_programs_are_summed() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                      noise: 9 passed\n\
                      test a::b ... FAILED\n\
                      test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured\n";
        assert_eq!(told(&unit(output, false)), (5, 1, 1, vec!["test a::b ... FAILED"]));
    }

    #[test]
    fn a_test_program_that_does_not_compile_fails() {
        assert_eq!(unit("", false).failed, 1);
        assert_eq!(unit("test result: ok. 3 passed; 0 failed; 0 ignored\n", false).failed, 1);
    }

    #[test]
    fn a_skip_on_a_supported_kernel_fails() {
        let count = suites("ok a\nSKIP b: why\n1 passed, 0 failed, 1 skipped\n", true);
        assert_eq!(told(&count), (1, 1, 0, vec!["SKIP b: why"]));
    }

    #[test]
    fn a_run_that_broke_off_fails() {
        let broken = suites("FAIL a: x\nok b\nok c\n\n", false);
        assert_eq!(told(&broken), (2, 2, 0, vec!["FAIL a: x", "FAIL the guest broke off after: ok c"]));
        assert_eq!(suites("ok a\n1 passed, 0 failed, 0 skipped\n", false).failed, 1);
        assert_eq!(suites("0 passed, 0 failed, 0 skipped\n", true).failed, 1);
        assert_eq!(suites("FAIL a: x\n0 passed, 1 failed, 0 skipped\n", false).failed, 1);
    }

    #[test]
    fn what_failed_is_said_again_with_its_guest() {
        let mut total = Count::of("clippy", false);
        total += suites("FAIL a: x\n0 passed, 1 failed, 0 skipped\n", false).in_guest("6.1 kernel");
        assert_eq!(total.wrong, ["FAIL clippy", "6.1 kernel: FAIL a: x"]);
    }

    #[test]
    fn the_closing_line_names_skips_only_if_there_are_any() {
        let count = Count { passed: 2, ..Count::default() };
        assert_eq!(count.to_string(), "2 passed, 0 failed");
        assert_eq!(Count { skipped: 1, ..count }.to_string(), "2 passed, 0 failed, 1 skipped");
    }
}
