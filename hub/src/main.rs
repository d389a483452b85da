//! The program `hub`. What it does is in the library; here it only begins and ends.

use std::process::ExitCode;

fn main() -> ExitCode {
    oneshelf_hub::cli::run()
}
