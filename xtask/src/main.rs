//! `cargo xtask`: the one door to everything that a person or CI does with this tree.
//! It owns builds, throw-away servers, the order of the test legs and the demo's children.
//! It must not know the product's crates: it starts programs and reads what they print.
#![allow(clippy::print_stdout, reason = "talking to a terminal is this program's purpose")]

mod demo;
mod forward;
mod fuzz;
mod http;
mod packages;
mod postgres;
mod run;
mod stop;
mod test;
mod tidy;
mod tree;
mod types;
mod usage;
mod web;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> anyhow::Result<ExitCode> {
    stop::install()?;
    let tree = tree::Tree::find()?;
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("--help", arguments),
    };
    if let Some(page) = usage::asked(command, rest) {
        print!("{page}");
        return forward::explain(&tree, command, rest);
    }
    match command {
        "demo" => demo::run(&tree, rest),
        "test" => test::run(&tree, rest),
        "check" => test::check(&tree, rest),
        "web" => web::build(&tree).map(|()| ExitCode::SUCCESS),
        "types" => types::write(&tree).map(|()| ExitCode::SUCCESS),
        program if forward::PROGRAMS.contains(&program) => forward::run(&tree, program, rest),
        "fuzz" => fuzz::run(&tree, rest),
        "help" | "--help" | "-h" => {
            print!("{}", usage::all());
            Ok(ExitCode::SUCCESS)
        }
        unknown => anyhow::bail!("unknown command `{unknown}`\n\n{}", usage::all()),
    }
}
