//! Opening a database: connections, checks, tables, the first row.
//!
//! Invariant: what comes out is fit. SQLite keeps every commit (`synchronous = full`), PostgreSQL
//! sorts text by bytes, and the tables are those of this version.

use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oneshelf_sync::plan::FIRST_HASH;
use sqlx::migrate::{Migration, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, PgPool, Postgres, SqlSafeStr, SqlitePool, Transaction};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::behind::{Newest, Opened};
use super::copy::file_of;
use super::disk::Sign;
use super::lock::Lock;
use super::{StoreError, alone, checkpoint};

/// Connections of one database.
pub(super) enum Pools {
    Sqlite {
        /// One connection: its pool is the queue of those who want to write.
        write: SqlitePool,
        read: SqlitePool,
        disk: Sign,
        newest: Arc<Newest>,
        _checkpoint: Option<AbortOnDropHandle<()>>,
        /// Given up when all is closed; none of a copy that nobody else knows of.
        lock: Mutex<Option<Lock>>,
    },
    Postgres {
        write: PgPool,
        read: PgPool,
        /// For [`super::bell`] alone: one listens, one rings. A ring need not outlive a crash.
        bell: PgPool,
        newest: Arc<Newest>,
    },
}

pub(super) static TABLES: Migrator = sqlx::migrate!("../migrations/hub");

/// Readers beside the writer, connections.
const READERS_MAX: u32 = 8;
const POSTGRES_READERS_MAX: u32 = 16;
const POSTGRES_WRITERS_MAX: u32 = 6;
const POSTGRES_BELLS: u32 = 2;
/// How long a lock or a connection is waited for, milliseconds.
const WAIT_MS: u64 = 10_000;
/// A hub that sleeps in the middle of a transaction (a paused machine, a cable that was pulled) has
/// its locks, and all others wait for it: so long, milliseconds. It finds its transaction rolled
/// back, and does it again.
const IDLE_MS: u64 = 3_000;
const IDLE_LIMIT: &str = "idle_in_transaction_session_timeout";
/// Pages kept by the writing connection, KiB. SQLite walks all of them at each commit, so more
/// is not better; pages that fell out are still in the system's cache.
const WRITER_CACHE_KIB: i64 = 16 << 10;
const READER_CACHE_KIB: i64 = 16 << 10;
/// The write-ahead log is cut to this when it starts over, bytes: above what it has as a rule.
const LOG_BYTES_KEPT: i64 = 256 << 20;
/// 3.51.3: the first without the write-ahead log's reset bug.
pub(super) const SQLITE_MIN: (u32, u32, u32) = (3, 51, 3);
const POSTGRES_MIN: i64 = 15;

pub(super) async fn open(url: &str) -> Result<Pools, StoreError> {
    if let Some(path) = file_of(url) {
        let lock = Lock::shared(&path)?;
        return sqlite(&path, Some(lock)).await;
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return postgres(url, false).await;
    }
    let what = "a database is named sqlite:PATH or postgres://user:password@host/name";
    Err(StoreError::Unfit(what.to_owned()))
}

impl Pools {
    pub(super) fn newest(&self) -> &Newest {
        match self {
            Pools::Sqlite { newest, .. } | Pools::Postgres { newest, .. } => newest,
        }
    }

    pub(super) fn is_not_behind(&self) -> Result<(), StoreError> {
        self.newest().behind().map_or(Ok(()), |_| Err(StoreError::Behind))
    }

    pub(super) async fn close(&self) {
        match self {
            Pools::Sqlite { write, read, lock, .. } => {
                read.close().await;
                write.close().await;
                lock.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
            Pools::Postgres { write, read, bell, .. } => {
                bell.close().await;
                read.close().await;
                write.close().await;
            }
        }
    }
}

/// With the lock that its user holds on it.
pub(super) async fn sqlite(path: &Path, lock: Option<Lock>) -> Result<Pools, StoreError> {
    let common = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_millis(WAIT_MS))
        // Rows a message between the connection's thread and its user.
        .row_buffer_size(1_024)
        .pragma("temp_store", "memory");
    let writer = common
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", LOG_BYTES_KEPT.to_string())
        // The checkpoint is not the committer's work: see `checkpoint`.
        .pragma("wal_autocheckpoint", "0")
        .pragma("cache_size", (-WRITER_CACHE_KIB).to_string());
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_millis(WAIT_MS))
        .test_before_acquire(false)
        // A disk that is full makes SQLite roll back by itself, which the connection's book of
        // open transactions does not see: no transaction could begin on it any more.
        .before_acquire(|conn, _| Box::pin(async move { Ok(!conn.is_in_transaction()) }))
        .connect_with(writer)
        .await?;
    let version: String = sqlx::query_scalar("select sqlite_version()").fetch_one(&write).await?;
    if numbers(&version) < SQLITE_MIN {
        let (a, b, c) = SQLITE_MIN;
        let what = format!("SQLite {a}.{b}.{c} or newer is needed; this is {version}");
        return Err(StoreError::Unfit(what));
    }
    // What an earlier run left in the log may be in memory alone, if its last fsync failed. Written
    // into the file anew it is durable before anything is answered.
    sqlx::query("pragma wal_checkpoint(passive)").fetch_optional(&write).await?;
    sqlite_tables().run(&write).await?;
    sqlx::query(FIRST_HEAD)
        .bind(Uuid::now_v7().to_string())
        .bind(FIRST_HASH)
        .execute(&write)
        .await?;
    let reader = common
        .read_only(true)
        .pragma("query_only", "on")
        .pragma("cache_size", (-READER_CACHE_KIB).to_string());
    let read = SqlitePoolOptions::new()
        .max_connections(READERS_MAX)
        .acquire_timeout(Duration::from_millis(WAIT_MS))
        .test_before_acquire(false)
        .connect_with(reader)
        .await?;
    let disk = Sign::default();
    disk.look(path);
    let (newest, lock) = (Arc::<Newest>::default(), Mutex::new(lock));
    let signs = (disk.clone(), newest.clone());
    let task = tokio::spawn(checkpoint::keep(Opened::at(path), write.clone(), signs));
    let checkpoint = Some(AbortOnDropHandle::new(task));
    Ok(Pools::Sqlite { write, read, disk, newest, _checkpoint: checkpoint, lock })
}

/// A copy that is only read. Whoever wants to write finds that it cannot be written.
pub(super) async fn finished(options: SqliteConnectOptions) -> Result<Pools, StoreError> {
    let options = options
        .row_buffer_size(1_024)
        .pragma("temp_store", "memory")
        .pragma("cache_size", (-READER_CACHE_KIB).to_string());
    let read = SqlitePoolOptions::new()
        .max_connections(READERS_MAX)
        .acquire_timeout(Duration::from_millis(WAIT_MS))
        .connect_with(options)
        .await?;
    let (write, disk, lock) = (read.clone(), Sign::default(), Mutex::default());
    Ok(Pools::Sqlite { write, read, disk, newest: Arc::default(), _checkpoint: None, lock })
}

/// Migrations that this build knows, with their checksums.
pub(super) fn known_migrations() -> impl Iterator<Item = (i64, Vec<u8>)> {
    TABLES.iter().map(|m| (m.version, m.checksum.to_vec()))
}

/// The tables in SQLite's words: one tree a table where the first version's words make two. A
/// mark is a comment to PostgreSQL; a single bigint key is SQLite's own row number only when it
/// is called integer.
fn sqlite_tables() -> Migrator {
    let own = |m: &Migration| {
        let sql = m
            .sql
            .as_str()
            .replace("/* sqlite: without rowid */", "without rowid")
            .replace("bigint not null primary key", "integer not null primary key");
        Migration { sql: AssertSqlSafe(sql).into_sql_str(), ..m.clone() }
    };
    Migrator::with_migrations(TABLES.iter().map(own).collect())
}

/// A hub that has done nothing yet; a database that has a hub keeps it.
const FIRST_HEAD: &str = "insert into head \
     (one, hub_id, epoch, version, recorded_at, hash, batch) values (1, $1, 1, 0, 0, $2, 0) \
     on conflict do nothing";

pub(super) fn numbers(version: &str) -> (u32, u32, u32) {
    let mut parts = version.split('.').map(|p| p.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

/// Whose lock it is that somebody may have.
pub(super) async fn postgres(url: &str, own_lock: bool) -> Result<Pools, StoreError> {
    let options = PgConnectOptions::from_str(url)?.application_name("oneshelf-hub");
    let idle_ms = match options.get_options() {
        // Whoever names it in the address has a reason.
        Some(said) if said.contains(IDLE_LIMIT) => None,
        _ => Some((IDLE_LIMIT, IDLE_MS.to_string())),
    };
    let pool = |connections_max| {
        PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(Duration::from_millis(WAIT_MS))
            .test_before_acquire(false)
            // Only those that were idle: a busy connection has shown that it lives.
            .before_acquire(|conn, seen| {
                Box::pin(async move {
                    if seen.idle_for > Duration::from_secs(1) {
                        conn.ping().await?;
                    }
                    Ok(true)
                })
            })
    };
    let read = options.clone().options([("jit", "off")]);
    let bell = options.clone().options([("synchronous_commit", "off")]);
    // The write path finds every row by key. Plans are kept, and one made while a table was
    // empty would read all of it later.
    let write = options.options(idle_ms).options([
        ("jit", "off"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ]);
    let write = pool(POSTGRES_WRITERS_MAX).connect_with(write).await?;
    check_postgres(&write).await?;
    if !own_lock {
        alone::look(&write).await?;
    }
    TABLES.run(&write).await?;
    sqlx::query(FIRST_HEAD)
        .bind(Uuid::now_v7().to_string())
        .bind(FIRST_HASH)
        .execute(&write)
        .await?;
    let read = pool(POSTGRES_READERS_MAX).connect_with(read).await?;
    let bell = pool(POSTGRES_BELLS).connect_lazy_with(bell);
    Ok(Pools::Postgres { write, read, bell, newest: Arc::default() })
}

/// Begins a transaction. Its task is its own: were the caller dropped half-way, the connection
/// would go back into the pool with a transaction that nobody knows of.
pub(super) async fn begin(
    pool: &PgPool,
    sql: &'static str,
) -> Result<Transaction<'static, Postgres>, StoreError> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { begin_whole(&pool, sql).await });
    begun.await.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
}

/// A connection that was lost while it lay in the pool shows only now; nothing was begun on it,
/// so the next one is tried.
async fn begin_whole(
    pool: &PgPool,
    sql: &'static str,
) -> Result<Transaction<'static, Postgres>, StoreError> {
    let mut stale_max = pool.options().get_max_connections();
    loop {
        match pool.begin_with(sql).await.map_err(StoreError::from) {
            Err(error) if error.connection_lost() && !error.timed_out() && stale_max > 0 => {
                stale_max -= 1;
            }
            other => return other,
        }
    }
}

pub(super) async fn check_postgres(pool: &PgPool) -> Result<(), StoreError> {
    let (version, encoding, sorting, flush): (String, String, String, String) = sqlx::query_as(
        "select current_setting('server_version_num'), current_setting('server_encoding'), \
         datcollate::text, current_setting('synchronous_commit') \
         from pg_database where datname = current_database()",
    )
    .fetch_one(pool)
    .await?;
    if version.parse().unwrap_or(0) < POSTGRES_MIN * 10_000 {
        let what = format!("PostgreSQL {POSTGRES_MIN} or newer is needed; this is {version}");
        return Err(StoreError::Unfit(what));
    }
    if encoding != "UTF8" || !matches!(&*sorting, "C" | "POSIX" | "C.UTF-8" | "C.utf8") {
        let what = format!(
            "this database has encoding {encoding} and collation {sorting}; make one with \
             create database NAME template template0 encoding 'UTF8' locale 'C'"
        );
        return Err(StoreError::Unfit(what));
    }
    if flush == "off" {
        let what = "synchronous_commit is off: an answer would not be durable; set it to on";
        return Err(StoreError::Unfit(what.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(numbers("3.51.3") >= SQLITE_MIN);
        assert!(numbers("3.9.12") < SQLITE_MIN);
        assert!(numbers("4") > SQLITE_MIN);
    }
}
