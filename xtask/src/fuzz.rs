//! `fuzz`: everything that reads foreign bytes gets a million random and mutated inputs each, and
//! the properties of the crates get many more random cases than a test run has.
//!
//! It must not know what is fuzzed: tests whose names begin with `fuzz_` take their number of
//! inputs from the environment, properties their number of cases. A new target is such a test, and
//! a row here when its crate has none yet.

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::run;
use crate::tree::Tree;

/// Inputs of each target.
const COUNT: u64 = 1_000_000;
/// A property's case is a whole story, so there are fewer.
const INPUTS_PER_CASE: u64 = 50;

/// A crate with tests whose names begin with `fuzz_`.
struct Row {
    package: &'static str,
    reads: &'static str,
}

const ROWS: &[Row] = &[
    Row { package: "oneshelf-hardware", reads: "scanners, keyboards, printers, scales" },
    Row { package: "oneshelf-sync", reads: "MQTT packets" },
    Row { package: "oneshelf-connectors", reads: "webhooks" },
];

/// Crates with properties.
const PROPERTIES: &[&str] = &[
    "--package=oneshelf-domain",
    "--package=oneshelf-protocol",
    "--package=oneshelf-connectors",
    "--package=oneshelf-sync",
    "--package=oneshelf-hardware",
];

pub(crate) fn run(tree: &Tree, words: &[String]) -> Result<ExitCode> {
    let count = count(words)?;
    for row in ROWS {
        let targets = targets(tree, row)?;
        println!("== {} of {}: {}", targets.len(), row.package, row.reads);
        let mut cargo = of_row(tree, row);
        cargo.arg("--nocapture").env("ONESHELF_FUZZ_COUNT", count.to_string());
        run::in_the_open(&mut cargo)?;
    }
    let cases = (count / INPUTS_PER_CASE).max(1).to_string();
    let mut cargo = tree.command("cargo");
    cargo.arg("test").args(PROPERTIES).args(["--lib", "--tests"]).env("PROPTEST_CASES", &cases);
    run::in_the_open(&mut cargo)?;
    println!("every target held for {count} inputs, every property in {cases} cases");
    Ok(ExitCode::SUCCESS)
}

/// The names of a row's tests. A row without one is a mistake: nothing would be fuzzed.
fn targets(tree: &Tree, row: &Row) -> Result<Vec<String>> {
    let listed = run::output(of_row(tree, row).arg("--list"))?;
    let names = names(&listed);
    ensure!(!names.is_empty(), "{} has no test whose name begins with fuzz_", row.package);
    Ok(names)
}

fn names(listed: &str) -> Vec<String> {
    let tests = listed.lines().filter_map(|line| line.strip_suffix(": test"));
    tests.filter(|name| is_target(name)).map(str::to_owned).collect()
}

fn is_target(name: &str) -> bool {
    name.rsplit("::").next().is_some_and(|name| name.starts_with("fuzz_"))
}

/// `cargo test`, up to where the test program's own options begin.
fn of_row(tree: &Tree, row: &Row) -> std::process::Command {
    let mut cargo = tree.command("cargo");
    cargo.args(["test", "--quiet", "--package", row.package, "--lib", "--tests", "fuzz_", "--"]);
    cargo
}

fn count(words: &[String]) -> Result<u64> {
    match words {
        [] => Ok(COUNT),
        [option, number] if option == "--count" => {
            number.parse().with_context(|| format!("`{number}` is no number of inputs"))
        }
        _ => bail!("fuzz takes nothing but --count N"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_inputs_is_a_number() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(count(&[]).unwrap(), COUNT);
        assert_eq!(count(&words("--count 7")).unwrap(), 7);
        assert!(count(&words("--count many")).is_err() && count(&words("--seed 7")).is_err());
    }

    #[test]
    fn targets_are_known_by_their_names() {
        let listed = "fuzzing::fuzz_scanner_bytes: test\nfuzzing::other: test\n\nfuzz_it: test\n\
            3 tests, 0 benchmarks\n";
        assert_eq!(names(listed), ["fuzzing::fuzz_scanner_bytes", "fuzz_it"]);
    }
}
