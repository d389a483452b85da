//! The journal: the agent's own SQLite database, and all SQL of this program.
//!
//! One connection writes, each step in one transaction that is on disk before it is answered
//! (WAL, synchronous=FULL); a few others only read. It decides nothing.
//! Invariant: a fact's text is stored once and never encoded again.

mod backup;
mod check;
mod copy;
mod inspect;
mod jobs;
mod kept;
mod machine;
mod migrate;
mod past;
mod read;
mod salvage;
mod search;
mod set_up;
mod staged;
mod stock;
mod sum;
mod text;
mod way;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::statvfs::statvfs;
use oneshelf_domain::{AgentId, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};

use crate::folder;
pub(crate) use backup::{
    Held, Present, Renewal, Renewed, examine, present, renew, settle, take_in, write,
};
pub(crate) use check::{journal as file_in, mark, unmark};
pub(crate) use inspect::{Inspection, inspect};
pub(crate) use jobs::{Asked, JobChange, JobKind, JobRow, NewJob, Spool};
pub(crate) use kept::{Keep, NewDeed, NewSale};
pub(crate) use past::{Past, PastKind};
pub(crate) use read::SaleRow;
pub(crate) use salvage::{Found, TakenIn, Walk};
pub(crate) use staged::ROWS_AT_ONCE;
use text::parsed;
pub(crate) use way::changes_the_way;

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
    /// The disk failed before; nothing was tried.
    #[error("the disk under the agent's database has failed")]
    DiskFailed,
    /// The database is of another build.
    #[error("{0}")]
    Schema(String),
    /// The database must not be sold from.
    #[error("{0}")]
    Damaged(String),
    /// The folder, or what lies in it, takes no writes.
    #[error("{0}")]
    ReadOnly(String),
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Fault::Row(error.to_string())
    }
}

/// What can be wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Nothing more fits: what was asked for had no effect.
    Full,
    /// It does not do what it is told. Whether what was asked for is kept is not known.
    Failed,
}

impl Fault {
    /// What is wrong with the disk, when that is the trouble.
    pub(crate) fn storage(&self) -> Option<Storage> {
        match self {
            Fault::DiskFailed => Some(Storage::Failed),
            Fault::Database(sqlx::Error::Database(error)) => storage_code(&error.code()?),
            _ => None,
        }
    }
}

/// 13 and 10 with its extensions are SQLite's full and I/O error; 11 and 26 are a damaged file:
/// when the program starts again, it says so and what to do.
fn storage_code(code: &str) -> Option<Storage> {
    match code.parse::<i64>().ok()? & 0xff {
        13 => Some(Storage::Full),
        10 | 11 | 26 => Some(Storage::Failed),
        _ => None,
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
    data: PathBuf,
}

/// Connections that read committed rows.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    pool: SqlitePool,
    figures: stock::Figures,
    data: PathBuf,
}

/// A name with something behind it, in the same folder.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn options(data: &Path) -> SqliteConnectOptions {
    options_of(&data.join(FILE))
}

fn options_of(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .disable_statement_logging()
}

/// Opens the journal of a data folder; makes it, or brings its schema up to this build's.
///
/// # Errors
/// One that is damaged is refused before anything in it is changed.
pub(crate) async fn open(data: &Path) -> Result<(Writer, Reads), Fault> {
    check::files(data)?;
    match open_sound(data).await {
        Err(Fault::Database(sqlx::Error::Database(error)))
            if matches!(error.code().as_deref(), Some("11" | "26")) =>
        {
            Err(check::unfit(data, &format!("it is damaged ({})", error.message())))
        }
        Err(fault) if check::is_read_only(&fault) => Err(check::read_only(data, &fault)),
        opened => opened,
    }
}

async fn open_sound(data: &Path) -> Result<(Writer, Reads), Fault> {
    // SQLite gives the files beside it the mode that it finds here.
    folder::private_file(&data.join(FILE)).map_err(sqlx::Error::from)?;
    let mut db = options(data).connect().await?;
    check::pages(&mut db, data).await?;
    // What an earlier run left in the log may be in memory alone, if its last fsync failed. Written
    // into the file anew it is durable before anything is answered.
    sqlx::query("pragma wal_checkpoint(passive)").fetch_optional(&mut db).await?;
    migrate::run(&mut db, data).await?;
    machine::begin_life(&mut db).await?;
    let pool = SqlitePoolOptions::new()
        .max_connections(4)
        .connect_with(options(data).read_only(true))
        .await?;
    let data = data.to_owned();
    let figures = stock::Figures::default();
    Ok((Writer { db, data: data.clone() }, Reads { pool, figures, data }))
}

/// Opens an existing journal to read it.
pub(crate) async fn open_to_read(data: &Path) -> Result<Reads, Fault> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options(data).read_only(true))
        .await?;
    Ok(Reads { pool, figures: stock::Figures::default(), data: data.to_owned() })
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

    /// Bytes that are free for the database; none where the file system does not say.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        let about = statvfs(&self.data).ok()?;
        Some(about.blocks_available().saturating_mul(about.fragment_size()))
    }

    /// Lets go of the connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Writer {
    /// Takes another connection for one that something failed on. On a full disk SQLite rolls back
    /// by itself, which the old connection's count of open transactions does not see: what is
    /// committed on it afterwards may be inside of one that never ends.
    pub(crate) async fn renew(&mut self) -> Result<(), Fault> {
        let fresh = options(&self.data).connect().await?;
        let old = std::mem::replace(&mut self.db, fresh);
        // Whatever it holds it lets go of; there is nothing in it that anybody was told of.
        if let Err(error) = old.close().await {
            tracing::debug!(%error, "a connection was not closed properly");
        }
        Ok(())
    }

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
