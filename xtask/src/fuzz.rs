//! `fuzz`: the properties of the crates, with many more random cases than a test run has.
//! It must not know the properties: they take their number of cases from the environment.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::run;
use crate::tree::Tree;

const CASES: &str = "20000";
const CRATES: &[&str] = &[
    "--package=oneshelf-domain",
    "--package=oneshelf-protocol",
    "--package=oneshelf-sync",
    "--package=oneshelf-hardware",
];

pub(crate) fn run(tree: &Tree, words: &[String]) -> Result<ExitCode> {
    let cases = cases(words)?;
    let mut cargo = tree.command("cargo");
    cargo.arg("test").args(CRATES).args(["--lib", "--tests"]).env("PROPTEST_CASES", cases);
    run::in_the_open(&mut cargo)?;
    println!("every property held in {cases} cases");
    Ok(ExitCode::SUCCESS)
}

fn cases(words: &[String]) -> Result<&str> {
    match words {
        [] => Ok(CASES),
        [option, number] if option == "--count" => {
            number.parse::<u32>().with_context(|| format!("`{number}` is no number of cases"))?;
            Ok(number)
        }
        _ => bail!("fuzz takes nothing but --count N"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_cases_is_a_number() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(cases(&[]).unwrap(), CASES);
        assert_eq!(cases(&words("--count 7")).unwrap(), "7");
        assert!(cases(&words("--count many")).is_err() && cases(&words("--seed 7")).is_err());
    }
}
