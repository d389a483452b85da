//! The baseline: PostgreSQL with the obvious statements and with the best known ones, by pgbench.
//!
//! The scripts are given; nothing about them is tuned here. One transaction of pgbench is a pair.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Load;

/// Kinds of script: each statement by itself, and all in one.
pub const SCRIPTS: [&str; 2] = ["naive", "cte"];
/// Clients of the baseline.
pub const CLIENTS: [usize; 3] = [8, 16, 64];

/// A database for the baseline on the server of this run.
pub struct Baseline {
    server: String,
    programs: PathBuf,
    scripts: PathBuf,
}

impl Baseline {
    /// Finds server, programs and scripts.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn find() -> Result<Self> {
        let server = std::env::var("ONESHELF_TEST_POSTGRES")
            .context("ONESHELF_TEST_POSTGRES names no server; start it with `cargo xtask bench`")?;
        let programs = std::env::var("ONESHELF_POSTGRES_BIN").unwrap_or_default();
        let shared = std::env::var("ONESHELF_SHARED").unwrap_or_else(|_| "../shared".to_owned());
        let scripts = Path::new(&shared).join("bench");
        if !scripts.join("init.sql").exists() {
            bail!("the baseline's scripts are not in {}; set ONESHELF_SHARED", scripts.display());
        }
        Ok(Self { server, programs: programs.into(), scripts })
    }

    /// Fills its tables anew.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn fill(&self) -> Result<()> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args([&self.server, "--quiet", "--set=ON_ERROR_STOP=1", "--file"]);
        psql.arg(self.scripts.join("init.sql"));
        output(&mut psql).map(drop)
    }

    /// Pairs a second of one script.
    ///
    /// # Errors
    /// When pgbench fails.
    pub fn pairs(&self, script: &str, load: Load, clients: usize, seconds: u64) -> Result<f64> {
        let file = self.scripts.join(format!("{script}_{}.sql", load.name()));
        let mut pgbench = Command::new(self.programs.join("pgbench"));
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
        pgbench.args([format!("--client={clients}"), format!("--time={seconds}")]);
        pgbench.arg("--file").arg(file).arg(&self.server);
        let text = output(&mut pgbench)?;
        let tps = text.lines().find_map(|l| l.strip_prefix("tps = "));
        let tps = tps.and_then(|t| t.split_whitespace().next()).context("pgbench said no tps")?;
        Ok(tps.parse()?)
    }
}

fn output(command: &mut Command) -> Result<String> {
    let out = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !out.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}
