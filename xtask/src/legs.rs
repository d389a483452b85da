//! The legs of the test command, in order, with their budgets in seconds.
//!
//! Invariant: a leg that could not run is a failure, and the last line printed counts everything.

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// One command of the test run. `cargo test` legs count their tests, others count as one.
pub struct Leg {
    name: &'static str,
    budget_s: u64,
    folder: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
}

const FMT: Leg = Leg {
    name: "fmt",
    budget_s: 10,
    folder: ".",
    program: "cargo",
    arguments: &["fmt", "--all", "--check"],
};
const CLIPPY: Leg = Leg {
    name: "clippy",
    budget_s: 400,
    folder: ".",
    program: "cargo",
    arguments: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
};
const UNIT: Leg = Leg {
    name: "unit",
    budget_s: 400,
    folder: ".",
    program: "cargo",
    arguments: &["test", "--workspace"],
};

const WEB_PACKAGES: Leg =
    Leg { name: "web-packages", budget_s: 60, folder: "web", program: "npm", arguments: &["ci"] };
const WEB_BUILD: Leg = Leg {
    name: "web-build",
    budget_s: 30,
    folder: "web",
    program: "npm",
    arguments: &["run", "build"],
};
const WEB_CHECK: Leg = Leg {
    name: "web-check",
    budget_s: 60,
    folder: "web",
    program: "npm",
    arguments: &["run", "check"],
};

/// What `cargo xtask test` runs.
pub const ALL: &[Leg] = &[WEB_PACKAGES, WEB_BUILD, WEB_CHECK, FMT, CLIPPY, UNIT];
/// What `cargo xtask check` runs.
pub const QUICK: &[Leg] = &[FMT, CLIPPY, UNIT];

/// Runs legs and prints the closing line.
pub fn run(legs: &[Leg]) -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    for leg in legs {
        let begun = Instant::now();
        let (good, bad) = run_one(leg);
        let word = if bad == 0 { "ok" } else { "FAILED" };
        let seconds = begun.elapsed().as_secs_f64();
        println!("== leg {} ... {word} in {seconds:.1} s (budget {})", leg.name, leg.budget_s);
        passed += good;
        failed += bad;
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_one(leg: &Leg) -> (u64, u64) {
    let result = Command::new(leg.program)
        .args(leg.arguments)
        .current_dir(leg.folder)
        .stderr(Stdio::inherit())
        .output();
    let output = match result {
        Ok(output) => output,
        Err(error) => {
            println!("{} could not be started: {error}", leg.program);
            return (0, 1);
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let (good, mut bad) = count(&text);
    if !output.status.success() {
        println!("{text}");
        bad = bad.max(1);
    }
    if good + bad == 0 { (1, 0) } else { (good, bad) }
}

/// Adds up the lines `test result: ok. 12 passed; 0 failed; ...`.
fn count(text: &str) -> (u64, u64) {
    let number = |line: &str, word: &str| -> u64 {
        let before = line.split(word).next().unwrap_or_default();
        before.split_whitespace().last().and_then(|n| n.parse().ok()).unwrap_or(0)
    };
    text.lines()
        .filter(|l| l.starts_with("test result:"))
        .fold((0, 0), |(p, f), l| (p + number(l, " passed"), f + number(l, " failed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_test_programs_add_up() {
        let text = "test result: ok. 12 passed; 0 failed; 0 ignored\nnoise\n\
                    test result: FAILED. 3 passed; 2 failed; 0 ignored\n";
        assert_eq!(count(text), (15, 2));
    }
}
