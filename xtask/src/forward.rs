//! `bench`, `sim` and `chaos`: builds the programs, gives them a throw-away PostgreSQL, and hands
//! the rest of the command line on. It must not know what they measure.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::postgres::Cluster;
use crate::tree::Tree;
use crate::{packages, run, web};

pub(crate) const PROGRAMS: &[&str] = &["bench", "sim", "chaos"];

pub(crate) fn run(tree: &Tree, name: &str, rest: &[String]) -> Result<ExitCode> {
    let mut program = built(tree, name, rest)?;
    let what = rest.first().filter(|_| name == "bench").map(String::as_str);
    // The simulator runs over maps; a scan meets a browser; live readers meet a
    // hub on SQLite; the others meet a server.
    let cluster = if name == "sim" || what == Some("live") {
        None
    } else if what == Some("scan") {
        web::install(tree, "tests/e2e")?;
        packages::install(&["chromium"])?;
        if let Some(chromium) = packages::chromium() {
            program.env("ONESHELF_CHROMIUM", chromium);
        }
        None
    } else {
        packages::install(&["postgresql", "strace"])?;
        Some(Cluster::start()?)
    };
    if let Some(cluster) = &cluster {
        program.env("ONESHELF_TEST_POSTGRES", cluster.url());
        program.env("ONESHELF_POSTGRES_BIN", cluster.programs());
    }
    let status = run::status_in_the_open(&mut program)?;
    drop(cluster);
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A program that is started here explains its own options, without a server.
pub(crate) fn explain(tree: &Tree, name: &str, rest: &[String]) -> Result<ExitCode> {
    if PROGRAMS.contains(&name) {
        println!();
        match need(tree, name) {
            Ok(()) => run::in_the_open(&mut built(tree, name, rest)?)?,
            Err(missing) => println!("{missing}"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn need(tree: &Tree, name: &str) -> Result<()> {
    let all = ["hub", "pos-agent", name];
    tree.need_programs(if name == "sim" { &all[2..] } else { &all })
}

/// The programs with today's pages: the agent and the hub carry them, and a browser meets them.
fn built(tree: &Tree, name: &str, rest: &[String]) -> Result<Command> {
    need(tree, name)?;
    if name != "sim" {
        web::build(tree)?;
    }
    let (profile, folder) = profile(name);
    let mut cargo = tree.command("cargo");
    // The simulator is a package of its own and needs the pure crates alone.
    match name {
        "sim" => cargo.args(["build", "--package", "oneshelf-sim"]),
        _ => cargo.args(["build", "--workspace", "--exclude", "xtask", "--bins", "--lib"]),
    };
    cargo.args(["--profile", profile]);
    if tree.has_pages() {
        cargo.env("ONESHELF_REQUIRE_WEB", "1");
    }
    run::in_the_open(&mut cargo)?;
    let programs = tree.target.join(folder);
    let mut program = tree.command(programs.join(name));
    program.args(rest).env("ONESHELF_BIN", programs);
    Ok(program)
}

/// How cargo builds a program, and the folder that it is in then: what is measured as it is
/// released, what runs for hours as fast as it can be.
fn profile(name: &str) -> (&'static str, &'static str) {
    match name {
        "bench" => ("release", "release"),
        "sim" => ("sim", "sim"),
        _ => ("dev", "debug"),
    }
}
