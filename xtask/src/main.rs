//! `cargo xtask`: the one door to what a person or CI does with this tree.
//!
//! It must not know the product's crates: it starts programs and reads what they print.
#![allow(clippy::print_stdout, reason = "talking to a terminal is this program's purpose")]

mod legs;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test    every suite that exists so far; ends with `N passed, N failed`
  check   format, clippy and the core's tests: the quick answer

docs/testing.md lists the legs and their budgets.";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    match command.as_deref() {
        Some("test") => legs::run(legs::ALL),
        Some("check") => legs::run(legs::QUICK),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        other => {
            eprintln!("xtask: no such command: {}\n{USAGE}", other.unwrap_or("(none)"));
            ExitCode::FAILURE
        }
    }
}
