//! Passed, failed, skipped: read from what test programs print, added up, printed in one form.

use std::fmt;
use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl Count {
    pub(crate) fn of(passed: bool) -> Count {
        Count { passed: u32::from(passed), failed: u32::from(!passed), skipped: 0 }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, Count { passed, failed, skipped }: Count) {
        self.passed += passed;
        self.failed += failed;
        self.skipped += skipped;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed")?;
        if *skipped > 0 { write!(f, ", {skipped} skipped") } else { Ok(()) }
    }
}

/// Sums libtest's lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
pub(crate) fn unit(output: &str) -> Count {
    let mut total = Count::default();
    for line in output.lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
        let line = line.split_once(". ").map_or(line, |(_, numbers)| numbers);
        let number = |name: &str| number_before(line, ';', name);
        total += Count {
            passed: number("passed").unwrap_or_default(),
            failed: number("failed").unwrap_or_default(),
            skipped: number("ignored").unwrap_or_default(),
        };
    }
    total
}

/// The suites' closing line, `N passed, N failed, N skipped`. Skips count as failures; so does a run that ended
/// without that line, or with a status that contradicts it.
pub(crate) fn suites(output: &str, succeeded: bool) -> Count {
    let number = |line: &str, name: &str| number_before(line, ',', name);
    let closing = output
        .lines()
        .rev()
        .find_map(|line| Some((number(line, "passed")?, number(line, "failed")?, number(line, "skipped"))));
    let Some((passed, failed, skipped)) = closing else {
        return Count { failed: 1, ..seen_so_far(output) };
    };
    let failed = failed + skipped.unwrap_or_default();
    // Died after its last line, or ran nothing at all: neither is a success.
    let contradicted = (failed == 0) != succeeded && failed == 0 || passed + failed == 0;
    Count { passed, failed: failed + u32::from(contradicted), skipped: 0 }
}

/// What had passed before a run broke off.
fn seen_so_far(output: &str) -> Count {
    let passed = output.lines().filter(|line| line.starts_with("ok ")).count();
    Count { passed: u32::try_from(passed).unwrap_or(u32::MAX), ..Count::default() }
}

/// 3 for `passed` in `3 passed, 0 failed`; the parts must have that form.
fn number_before(line: &str, separator: char, name: &str) -> Option<u32> {
    line.split(separator).find_map(|part| part.trim().strip_suffix(name)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_of_all_test_programs_are_summed() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                      noise: 9 passed\n\
                      test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured\n";
        assert_eq!(unit(output), Count { passed: 5, failed: 1, skipped: 1 });
    }

    #[test]
    fn a_skip_on_a_supported_kernel_fails() {
        let count = suites("ok a\nSKIP b: why\n1 passed, 0 failed, 1 skipped\n", true);
        assert_eq!(count, Count { passed: 1, failed: 1, skipped: 0 });
    }

    #[test]
    fn a_run_that_broke_off_fails() {
        assert_eq!(suites("ok a\nok b\n", false), Count { passed: 2, failed: 1, skipped: 0 });
        assert_eq!(suites("ok a\n1 passed, 0 failed, 0 skipped\n", false).failed, 1);
        assert_eq!(suites("0 passed, 0 failed, 0 skipped\n", true).failed, 1);
        assert_eq!(suites("FAIL a: x\n0 passed, 1 failed, 0 skipped\n", false).failed, 1);
    }

    #[test]
    fn the_closing_line_names_skips_only_if_there_are_any() {
        assert_eq!(Count { passed: 2, failed: 0, skipped: 0 }.to_string(), "2 passed, 0 failed");
        assert_eq!(Count { passed: 2, failed: 0, skipped: 1 }.to_string(), "2 passed, 0 failed, 1 skipped");
    }
}
