//! Copies of a SQLite database as files: making one, looking at one, making one anew.
//!
//! PostgreSQL has programs of its own for that. It knows rows, never what a restore means to
//! stores and channels. Invariant: a copy that is only looked at is not changed by a byte.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oneshelf_domain::Timestamp;
use oneshelf_protocol::sqlite_file;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::open::{self, known_migrations};
use super::{Store, StoreError, lock, lock_head, on};

/// How long another program's lock is waited for.
const WAIT: Duration = Duration::from_secs(10);
/// Faults of a file that are told.
const FAULTS_TOLD_MAX: i64 = 5;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which hub.
    pub hub_id: String,
    /// Its epoch.
    pub epoch: i64,
    /// Its newest version.
    pub version: i64,
    /// When that was.
    pub recorded_at: Timestamp,
    /// The newest migration that ran on its tables.
    pub schema: i64,
}

/// The newest migration that this build knows.
pub fn newest_schema() -> i64 {
    known_migrations().map(|(version, _)| version).max().unwrap_or(0)
}

/// The file of a database that is one.
pub fn file_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

/// Copies a database into an empty file, at one moment, while hubs work on it. The tables must be
/// those of this build: no other can be audited.
///
/// # Errors
/// When one of the two files cannot be used.
pub async fn write(source: &Path, target: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(source).busy_timeout(WAIT);
    let mut db = options.connect().await?;
    let copied = write_from(&mut db, source, target).await;
    let closed = db.close().await;
    copied?;
    Ok(closed?)
}

async fn write_from(
    db: &mut SqliteConnection,
    source: &Path,
    target: &Path,
) -> Result<(), StoreError> {
    let schema = schema_of(db, source).await?;
    if schema < newest_schema() {
        let what = format!(
            "{} has tables of an older build (schema {schema}; this one has {}): make the backup \
             with the `hub` that runs on it",
            source.display(),
            newest_schema()
        );
        return Err(StoreError::Unfit(what));
    }
    let sql = "vacuum main into $1";
    sqlx::query(sql).bind(target.display().to_string()).execute(db).await?;
    Ok(())
}

/// Looks at a file: whether it is whole, and what is in it.
///
/// # Errors
/// When it is no whole database of a hub that this build can read; says what it is instead.
pub async fn examine(path: &Path) -> Result<Held, StoreError> {
    is_whole(path)?;
    let mut db = looking(path).connect().await?;
    let found = examine_open(&mut db, path).await;
    let _ = db.close().await;
    found.map_err(|error| match error {
        StoreError::Database(cause) => unfit(path, &cause.to_string()),
        other => other,
    })
}

async fn examine_open(db: &mut SqliteConnection, path: &Path) -> Result<Held, StoreError> {
    // Every page, and every index against its table: the audit reads no index.
    let sql = "select integrity_check from pragma_integrity_check limit $1";
    let faults: Vec<String> =
        sqlx::query_scalar(sql).bind(FAULTS_TOLD_MAX).fetch_all(&mut *db).await?;
    if faults != ["ok"] {
        return Err(unfit(path, &format!("it is damaged: {}", faults.join("; "))));
    }
    let schema = schema_of(db, path).await?;
    let sql = "select hub_id, epoch, version, recorded_at from head";
    let head: Option<(String, i64, i64, i64)> = sqlx::query_as(sql).fetch_optional(db).await?;
    let Some((hub_id, epoch, version, recorded_at)) = head else {
        return Err(unfit(path, "there is no hub in it"));
    };
    Ok(Held { hub_id, epoch, version, recorded_at: Timestamp(recorded_at), schema })
}

/// A file that was copied while something was still beside it, or that was cut short, says so in
/// better words than SQLite has for it.
fn is_whole(path: &Path) -> Result<(), StoreError> {
    let bad = |error: std::io::Error| unfit(path, &error.to_string());
    let length = fs::metadata(path).map_err(bad)?.len();
    let log = lock::beside(path, "-wal");
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        let what = format!(
            "{} lies beside it: a copy of files in use, not a finished backup",
            log.display()
        );
        return Err(unfit(path, &what));
    }
    let mut header = vec![];
    let head = fs::File::open(path).map_err(bad)?.take(sqlite_file::HEADER_BYTES);
    { head }.read_to_end(&mut header).map_err(bad)?;
    sqlite_file::fault(&header, length).map_or(Ok(()), |fault| Err(unfit(path, &fault)))
}

fn unfit(path: &Path, what: &str) -> StoreError {
    StoreError::Unfit(format!("{}: {what}", path.display()))
}

/// Nothing of it changes and nothing appears beside it; nobody else may work on it.
fn looking(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).read_only(true).immutable(true)
}

/// The newest migration that ran; every one that ran must be one that this build knows.
async fn schema_of(db: &mut SqliteConnection, path: &Path) -> Result<i64, StoreError> {
    let sql =
        "select count(*) from sqlite_master where type = 'table' and name = '_sqlx_migrations'";
    let made: i64 = sqlx::query_scalar(sql).fetch_one(&mut *db).await?;
    if made == 0 {
        return Err(unfit(path, "there is no hub in it"));
    }
    let sql = "select version, checksum from _sqlx_migrations order by version";
    let ran: Vec<(i64, Vec<u8>)> = sqlx::query_as(sql).fetch_all(db).await?;
    let newest = ran.last().map_or(0, |(version, _)| *version);
    if newest > newest_schema() {
        let what = format!(
            "it was made by a newer hub (schema {newest}; this one knows {}): use that one",
            newest_schema()
        );
        return Err(unfit(path, &what));
    }
    let known: Vec<(i64, Vec<u8>)> = known_migrations().collect();
    match ran.iter().find(|one| !known.contains(one)) {
        Some((version, _)) => {
            Err(unfit(path, &format!("its schema {version} is of a build that this one is not of")))
        }
        None => Ok(newest),
    }
}

/// Puts a database that is not in use into one file, without a log beside it, and gives its epoch
/// and which hub it is of; none when there is no reading it.
///
/// # Errors
/// When another program has it open.
pub async fn settle(path: &Path) -> Result<Option<(i64, String)>, StoreError> {
    match settle_open(path).await {
        Ok(found) => Ok(found),
        Err(error) if error.passing() => Err(lock::in_use(path)),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "this database cannot be read any more");
            Ok(None)
        }
    }
}

async fn settle_open(path: &Path) -> Result<Option<(i64, String)>, StoreError> {
    let mut db = SqliteConnectOptions::new().filename(path).connect().await?;
    // Leaving the log is for the one connection that there is: a hub that holds no lock of ours
    // shows here.
    let settled = sqlx::query("pragma journal_mode = delete").fetch_one(&mut db).await;
    let found = sqlx::query_as("select epoch, hub_id from head").fetch_optional(&mut db).await;
    let _ = db.close().await;
    settled?;
    Ok(found?)
}

impl Store {
    /// Opens a copy to look at it: nothing is written, not even by its opening.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open_finished(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(std::sync::Arc::new(open::finished(looking(path)).await?)))
    }

    /// The number of an epoch that would begin now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next_epoch(&self, above: i64, now: Timestamp) -> Result<i64, StoreError> {
        let before = self.head().await?.0.epoch;
        // Seconds, so that two restores never share an epoch, also when neither knows of the
        // other: of the same backup, or over a database that was lost.
        Ok((now.0 / 1_000_000).max(above + 1).max(before + 1))
    }

    /// Begins a new epoch, and forgets who is signed in: that belongs to the epoch before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_epoch(&self, epoch: i64) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        lock_head(&mut tx).await?;
        let sql = "update head set epoch = $1, batch = batch + 1";
        on!(&mut tx, conn => sqlx::query(sql).bind(epoch).execute(conn).await.map(drop))?;
        let sql = "delete from session";
        on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.map(drop))?;
        tx.commit().await
    }
}
