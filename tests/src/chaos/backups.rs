//! Backups of a proof's hub, as docs/operations/backups.md has them made and put back: by
//! `hub backup` and `hub restore` on SQLite, by pg_dump, pg_restore and `hub restore --in-place`
//! on PostgreSQL. It must not know what a proof does with them. Invariant: a backup is made while
//! hubs serve, and put back with the keys of the hub that served.

use std::path::PathBuf;

use anyhow::Result;

use super::programs::Program;
use super::world::{World, make_empty};

impl World {
    /// A backup while hubs serve: an error when it is not whole.
    ///
    /// # Errors
    /// What the program says.
    pub async fn backup(&self, file: &str) -> Result<()> {
        let file = self.path(file);
        let program = match &self.server {
            None => self.hub_command(&["backup", &file, "--database", &self.database])?,
            Some(_) => {
                self.of_server("pg_dump", &["--format=custom", "--file", &file, &self.database])
            }
        };
        program.output().await.map(drop)
    }

    /// How a backup is made over an older one, to be run to its end; of SQLite alone.
    ///
    /// # Errors
    /// When the program is not there.
    pub fn backup_to(&self, file: &str) -> Result<Program> {
        let file = self.path(file);
        self.hub_command(&["backup", &file, "--overwrite", "--database", &self.database])
    }

    /// Puts a backup back; no hub may run. Gives what was said.
    ///
    /// # Errors
    /// What the program says.
    pub async fn restore(&self, file: &str) -> Result<String> {
        let (file, keys) = (self.path(file), self.path("hub"));
        let to = ["--database", &self.database, "--data", &keys];
        let mut restore = match &self.server {
            None => self.hub_command(&["restore", &file, "--replace"])?,
            Some((server, name)) => {
                make_empty(server, name).await?;
                let whole = ["--exit-on-error", "--dbname", &self.database, &file];
                self.of_server("pg_restore", &whole).output().await?;
                self.hub_command(&["restore", "--in-place"])?
            }
        };
        restore.arguments.extend(to.map(str::to_owned));
        restore.output().await
    }

    /// A program of the server's release.
    fn of_server(&self, name: &str, arguments: &[&str]) -> Program {
        let programs = std::env::var_os("ONESHELF_POSTGRES_BIN").unwrap_or_default();
        self.program(name, PathBuf::from(programs).join(name), arguments)
    }
}
