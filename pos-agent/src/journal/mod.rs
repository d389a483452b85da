//! The journal: the agent's own SQLite database, and all SQL of this program.
//!
//! One connection writes, each step in one transaction that is on disk before it is answered
//! (WAL, synchronous=FULL); a few others only read. It decides nothing.
//! Invariant: a fact's text is stored once and never encoded again.

mod copy;
mod inspect;
mod jobs;
mod kept;
mod machine;
mod migrate;
mod read;
mod search;
mod set_up;
mod staged;
mod stock;
mod text;

use std::path::Path;
use std::time::Duration;

use oneshelf_domain::{AgentId, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};

use crate::folder;
pub(crate) use inspect::{Inspection, inspect};
pub(crate) use jobs::{Asked, JobChange, JobKind, JobRow, NewJob, Spool};
pub(crate) use kept::{Keep, NewDeed, NewSale};
pub(crate) use read::SaleRow;
pub(crate) use staged::ROWS_AT_ONCE;
use text::parsed;

/// The database's file in the data folder.
pub(crate) const FILE: &str = "agent.sqlite";

/// What storing or reading could not do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The database said no.
    #[error("the agent's database: {0}")]
    Database(#[from] sqlx::Error),
    /// A row cannot be read.
    #[error("the agent's database holds a row that this build cannot read: {0}")]
    Row(String),
    /// The database is of another build.
    #[error("{0}")]
    Schema(String),
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Fault::Row(error.to_string())
    }
}

/// Who this agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub agent: AgentId,
    pub hub_url: String,
    pub hub_id: String,
    pub location: String,
}

/// The connection that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    db: SqliteConnection,
}

/// Connections that read committed rows.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    pool: SqlitePool,
    figures: stock::Figures,
}

fn options(data: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(data.join(FILE))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .disable_statement_logging()
}

/// Opens the journal of a data folder; makes it, or brings its schema up to this build's.
pub(crate) async fn open(data: &Path) -> Result<(Writer, Reads), Fault> {
    // SQLite gives the files beside it the mode that it finds here.
    folder::private_file(&data.join(FILE)).map_err(sqlx::Error::from)?;
    let mut db = options(data).connect().await?;
    migrate::run(&mut db, data).await?;
    machine::begin_life(&mut db).await?;
    let pool = SqlitePoolOptions::new()
        .max_connections(4)
        .connect_with(options(data).read_only(true))
        .await?;
    Ok((Writer { db }, Reads { pool, figures: stock::Figures::default() }))
}

/// Opens an existing journal to read it.
pub(crate) async fn open_to_read(data: &Path) -> Result<Reads, Fault> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options(data).read_only(true))
        .await?;
    Ok(Reads { pool, figures: stock::Figures::default() })
}

impl Reads {
    /// Who this agent is; none before it joined.
    pub(crate) async fn identity(&self) -> Result<Option<Identity>, Fault> {
        let row: Option<(String, String, String, String)> =
            sqlx::query_as("select agent_id, hub_url, hub_id, location from agent where one = 1")
                .fetch_optional(&self.pool)
                .await?;
        row.map(|(agent, hub_url, hub_id, location)| {
            Ok(Identity { agent: parsed(&agent)?, hub_url, hub_id, location })
        })
        .transpose()
    }

    /// Lets go of the connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Writer {
    /// Remembers who this agent is. False: it had joined before, and nothing changed.
    pub(crate) async fn join(&mut self, who: &Identity, now: Timestamp) -> Result<bool, Fault> {
        let done = sqlx::query(
            "insert into agent (one, agent_id, hub_url, hub_id, location, enrolled_at)
             values (1, ?, ?, ?, ?, ?) on conflict do nothing",
        )
        .bind(who.agent.to_string())
        .bind(&who.hub_url)
        .bind(&who.hub_id)
        .bind(&who.location)
        .bind(now.0)
        .execute(&mut self.db)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets go of the connection.
    pub(crate) async fn close(self) -> Result<(), Fault> {
        Ok(self.db.close().await?)
    }
}
