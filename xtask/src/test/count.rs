//! Reads how many tests a leg ran from what it printed, and writes the closing line.
//! It must not know the legs. Where nobody counted, a leg is one test.

use std::fmt;

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    pub(crate) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// What was skipped has not run.
    pub(crate) fn ran_something(self) -> bool {
        self.passed + self.failed > 0
    }

    pub(crate) fn of_check(good: bool) -> Self {
        Self { passed: u64::from(good), failed: u64::from(!good), skipped: 0 }
    }

    /// Adds up cargo's result lines; else takes the last plain line `N passed, N failed`.
    pub(crate) fn of_output(text: &str) -> Self {
        let mut sum = Self::default();
        for counts in text.lines().filter_map(of_cargo_line) {
            sum.add(counts);
        }
        if sum.is_nothing() {
            sum = text.lines().rev().find_map(of_plain_line).unwrap_or_default();
        }
        sum
    }

    /// A leg counts at least once, and a failed one has a failure.
    pub(crate) fn of_leg(mut self, trouble: bool) -> Self {
        if trouble && self.failed == 0 {
            self.failed = 1;
        } else if self.is_nothing() {
            self.passed = 1;
        }
        self
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// `test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; ...`
fn of_cargo_line(line: &str) -> Option<Counts> {
    let (_, figures) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for figure in figures.split(';') {
        match figure.trim().split_once(' ') {
            Some((number, "passed")) => counts.passed = number.parse().ok()?,
            Some((number, "failed")) => counts.failed = number.parse().ok()?,
            Some((number, "ignored")) => counts.skipped = number.parse().ok()?,
            _ => {}
        }
    }
    Some(counts)
}

/// `12 passed, 0 failed` or `12 passed, 0 failed, 3 skipped`, alone on its line.
fn of_plain_line(line: &str) -> Option<Counts> {
    let figure = |part: &str, word: &str| -> Option<u64> {
        part.strip_suffix(word)?.strip_suffix(' ')?.parse().ok()
    };
    let parts: Vec<&str> = line.trim().split(", ").collect();
    let (passed, failed, skipped) = match parts[..] {
        [passed, failed] => (passed, failed, None),
        [passed, failed, skipped] => (passed, failed, Some(skipped)),
        _ => return None,
    };
    Some(Counts {
        passed: figure(passed, "passed")?,
        failed: figure(failed, "failed")?,
        skipped: skipped.map_or(Some(0), |skipped| figure(skipped, "skipped"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Counts {
        Counts { passed, failed, skipped }
    }

    #[test]
    fn cargos_lines_add_up() {
        let text = "running 12 tests\n\
            test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
            test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(Counts::of_output(text), counts(15, 2, 1));
    }

    #[test]
    fn a_plain_line_must_stand_alone() {
        assert_eq!(Counts::of_output("seed 7\n200 passed, 0 failed\n"), counts(200, 0, 0));
        assert_eq!(Counts::of_output("4 passed, 1 failed, 2 skipped"), counts(4, 1, 2));
        assert_eq!(Counts::of_output("as said, 4 passed, 1 failed"), counts(0, 0, 0));
        assert_eq!(Counts::of_output("4 passed, 1 failed, or so"), counts(0, 0, 0));
    }

    #[test]
    fn a_leg_that_counts_nothing_is_one_test() {
        assert_eq!(Counts::default().of_leg(false), counts(1, 0, 0));
        assert_eq!(Counts::default().of_leg(true), counts(0, 1, 0));
        assert_eq!(counts(5, 0, 0).of_leg(true), counts(5, 1, 0));
        assert_eq!(counts(5, 2, 0).of_leg(true), counts(5, 2, 0));
    }

    #[test]
    fn the_closing_line_has_two_figures() {
        assert_eq!(counts(5, 0, 2).to_string(), "5 passed, 0 failed");
        assert!(!counts(0, 0, 2).ran_something());
    }
}
