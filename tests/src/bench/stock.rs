//! `bench stock`: pairs of reserve and consume, ours beside PostgreSQL's, in interleaved rounds.
//!
//! A pair is durable twice. Floors and goals are ratios to the best PostgreSQL figure of the same
//! run under the same load.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use sqlx::{AssertSqlSafe, Connection};

use super::baseline::{Baseline, CLIENTS, SCRIPTS};
use super::ours::Ours;
use super::report::Figures;
use super::{Load, probe};

/// Callers of ours.
const CALLERS: [usize; 3] = [16, 256, 1_024];
/// Ratio on SQLite, hot, 256 callers: floor and goal.
const SQLITE: (f64, f64) = (8.0, 20.0);
/// Ratio on PostgreSQL, hot, 1,024 callers: floor and goal.
const POSTGRES: (f64, f64) = (5.0, 15.0);

/// What the command line says.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Fails when a floor is not reached.
    #[arg(long)]
    pub check: bool,
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds of each figure.
    #[arg(long, default_value_t = 4)]
    pub seconds: u64,
}

/// Runs it and prints the table.
///
/// # Errors
/// When something fails, the audit finds anything, or `--check` is not met.
pub async fn run(options: &Options, out: &mut impl Write) -> Result<()> {
    let baseline = Baseline::find()?;
    let folder = folder()?;
    let sqlite = Ours::open(&format!("sqlite:{}", folder.join("hub.db").display())).await?;
    let postgres = Ours::open(&fresh_database().await?).await?;
    baseline.fill()?;
    let mut figures = Figures::default();
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        figures.probe.push(probe::fdatasync(&folder, options.seconds.min(2))?);
        for load in Load::ALL {
            for clients in CLIENTS {
                for script in SCRIPTS {
                    let pairs = baseline.pairs(script, load, clients, options.seconds)?;
                    figures.put(&format!("postgres {script}"), load, clients, pairs);
                }
            }
            for callers in CALLERS {
                let pairs = sqlite.pairs(load, callers, options.seconds).await?;
                figures.put("oneshelf sqlite", load, callers, pairs);
                let pairs = postgres.pairs(load, callers, options.seconds).await?;
                figures.put("oneshelf postgres", load, callers, pairs);
            }
        }
    }
    writeln!(out, "{}", figures.table())?;
    for (name, ours) in [("SQLite", &sqlite), ("PostgreSQL", &postgres)] {
        let broken = ours.audit().await?;
        if !broken.is_empty() {
            bail!("the audit on {name} found: {}", broken.join("; "));
        }
        writeln!(out, "audit on {name}: clean")?;
    }
    sqlite.close().await;
    postgres.close().await;
    std::fs::remove_dir_all(folder)?;
    judge(&figures, options.check, out)
}

fn judge(figures: &Figures, check: bool, out: &mut impl Write) -> Result<()> {
    let best = figures.best_baseline(Load::Hot);
    let cells = [
        ("SQLite hot c=256", figures.of("oneshelf sqlite", Load::Hot, 256) / best, SQLITE),
        (
            "PostgreSQL hot c=1024",
            figures.of("oneshelf postgres", Load::Hot, 1_024) / best,
            POSTGRES,
        ),
    ];
    let mut missed = vec![];
    for (name, ratio, (floor, goal)) in cells {
        let word = match ratio {
            r if r >= goal => "goal reached",
            r if r >= floor => "floor held",
            _ => "FLOOR MISSED",
        };
        let than = "the best PostgreSQL figure";
        writeln!(out, "{name}: {ratio:.1}x {than} (floor {floor}x, goal {goal}x): {word}")?;
        if ratio < floor {
            missed.push(name);
        }
    }
    if check && !missed.is_empty() {
        bail!("floors missed: {}", missed.join(", "));
    }
    Ok(())
}

/// Beside the temporary files of this system, on a disk: a folder in memory would be no baseline.
fn folder() -> Result<PathBuf> {
    let folder = std::env::var_os("ONESHELF_BENCH_DIR")
        .map_or_else(std::env::temp_dir, PathBuf::from)
        .join(format!("oneshelf-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

async fn fresh_database() -> Result<String> {
    let server = std::env::var("ONESHELF_TEST_POSTGRES")?;
    let name = format!("oneshelf_bench_{}", std::process::id());
    let mut conn = sqlx::PgConnection::connect(&server).await?;
    let sql = format!("create database {name} template template0 encoding 'UTF8' locale 'C'");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await?;
    conn.close().await?;
    let (address, _) = server.rsplit_once('/').context("the address names a database")?;
    Ok(format!("{address}/{name}"))
}
