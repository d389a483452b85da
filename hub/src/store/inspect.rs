//! A look at a database that changes nothing: no table is made, no migration run.
//!
//! For the doctor, also while a hub works on the same database. It judges only what opening
//! would judge.

use std::str::FromStr;
use std::time::Duration;

use oneshelf_domain::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{PgPool, SqlitePool};

use super::open::{self, SQLITE_MIN};
use super::{Engine, StoreError};

/// How long the database may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Which engine.
    pub engine: Engine,
    /// Its version.
    pub version: String,
    /// Why a hub would refuse it.
    pub unfit: Option<String>,
    /// How SQLite keeps its log; of a server whether it may be written.
    pub journal: String,
    /// The server's clock.
    pub clock: Option<Timestamp>,
    /// Migrations that ran, with their checksums.
    pub migrations: Vec<(i64, Vec<u8>)>,
    /// What is in the tables; none before they are there.
    pub hub: Option<Hub>,
}

/// What the tables say.
#[derive(Debug, Clone)]
pub struct Hub {
    /// Its id.
    pub id: String,
    /// Its epoch.
    pub epoch: i64,
    /// Its newest version.
    pub version: i64,
    /// When that was.
    pub recorded_at: Timestamp,
    /// The hash of the version that was asked for; none: there is no such version.
    pub hash_then: Option<String>,
    /// Whether there is a shop.
    pub set_up: bool,
    /// Notices since a moment.
    pub notices: i64,
    /// Facts of stores that could not be booked since then.
    pub rejected: i64,
}

/// Migrations that this build knows, with their checksums.
pub fn known_migrations() -> Vec<(i64, Vec<u8>)> {
    open::known_migrations().collect()
}

/// Looks; counts what needs a look since a moment, and reads the hash of a version.
///
/// # Errors
/// When the database cannot be reached.
pub async fn inspect(url: &str, since: Timestamp, then: i64) -> Result<Inspection, StoreError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let options = SqliteConnectOptions::new()
            .filename(path.strip_prefix("//").unwrap_or(path))
            .read_only(true)
            .busy_timeout(ANSWER);
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(ANSWER);
        let db = pool.connect_with(options).await?;
        let found = of_sqlite(&db, since, then).await;
        db.close().await;
        return found;
    }
    let options = PgConnectOptions::from_str(url)?.application_name("oneshelf-doctor");
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ANSWER);
    let db = pool.connect_with(options).await?;
    let found = of_postgres(&db, since, then).await;
    db.close().await;
    found
}

const MIGRATIONS: &str = "select version, checksum from _sqlx_migrations order by version";
const HEAD: &str = "select hub_id, epoch, version, recorded_at from head";
const HASH: &str = "select hash from ledger where version = $1";
const SHOP: &str = "select count(*) from record where key = 'shop/shop' and value is not null";
const NOTICES: &str = "select count(*) from event e join ledger l on l.version = e.version \
    where e.kind >= 'notice.' and e.kind < 'notice/' and l.recorded_at >= $1";
const REJECTED: &str =
    "select count(*) from rejected_frame where recorded_at >= $1 and settled_at is null";
/// A database of before the tenth migration: no fact of it is settled.
const REJECTED_BEFORE: &str = "select count(*) from rejected_frame where recorded_at >= $1";

/// The same words for both engines.
macro_rules! hub_of {
    ($db:expr, $since:expr, $then:expr, $rejected:expr) => {{
        let head: Option<(String, i64, i64, i64)> =
            sqlx::query_as(HEAD).fetch_optional($db).await?;
        match head {
            None => None,
            Some((id, epoch, version, recorded_at)) => Some(Hub {
                id,
                epoch,
                version,
                recorded_at: Timestamp(recorded_at),
                hash_then: sqlx::query_scalar(HASH).bind($then).fetch_optional($db).await?,
                set_up: sqlx::query_scalar::<_, i64>(SHOP).fetch_one($db).await? > 0,
                notices: sqlx::query_scalar(NOTICES).bind($since.0).fetch_one($db).await?,
                rejected: sqlx::query_scalar($rejected).bind($since.0).fetch_one($db).await?,
            }),
        }
    }};
}

/// Whether the newest tables that the words above need are there.
fn has_tables(migrations: &[(i64, Vec<u8>)]) -> bool {
    migrations.iter().any(|(version, _)| *version == 1)
}

/// How many facts were rejected and wait for somebody, in the words of its tables.
fn rejected(migrations: &[(i64, Vec<u8>)]) -> &'static str {
    let settles = migrations.iter().any(|(version, _)| *version == 10);
    if settles { REJECTED } else { REJECTED_BEFORE }
}

async fn of_sqlite(db: &SqlitePool, since: Timestamp, then: i64) -> Result<Inspection, StoreError> {
    let version: String = sqlx::query_scalar("select sqlite_version()").fetch_one(db).await?;
    let journal: String = sqlx::query_scalar("pragma journal_mode").fetch_one(db).await?;
    let made: i64 = sqlx::query_scalar(
        "select count(*) from sqlite_master where type = 'table' and name = '_sqlx_migrations'",
    )
    .fetch_one(db)
    .await?;
    let migrations = match made {
        0 => vec![],
        _ => sqlx::query_as(MIGRATIONS).fetch_all(db).await?,
    };
    let hub = if has_tables(&migrations) {
        hub_of!(db, since, then, rejected(&migrations))
    } else {
        None
    };
    let (a, b, c) = SQLITE_MIN;
    let old = open::numbers(&version) < SQLITE_MIN;
    let unfit = old.then(|| format!("SQLite {a}.{b}.{c} or newer is needed; this is {version}"));
    let engine = Engine::Sqlite;
    Ok(Inspection { engine, version, unfit, journal, clock: None, migrations, hub })
}

async fn of_postgres(db: &PgPool, since: Timestamp, then: i64) -> Result<Inspection, StoreError> {
    let (version, clock, standby, made): (String, i64, i64, i64) = sqlx::query_as(
        "select current_setting('server_version'), \
         cast(extract(epoch from clock_timestamp()) * 1000000 as bigint), \
         case when pg_is_in_recovery() then 1::bigint else 0::bigint end, \
         case when to_regclass('_sqlx_migrations') is null then 0::bigint else 1::bigint end",
    )
    .fetch_one(db)
    .await?;
    let migrations = match made {
        0 => vec![],
        _ => sqlx::query_as(MIGRATIONS).fetch_all(db).await?,
    };
    let hub = if has_tables(&migrations) {
        hub_of!(db, since, then, rejected(&migrations))
    } else {
        None
    };
    let unfit = match open::check_postgres(db).await {
        Ok(()) => None,
        Err(StoreError::Unfit(why)) => Some(why),
        Err(other) => return Err(other),
    };
    let journal = if standby == 1 { "standby" } else { "primary" }.to_owned();
    let (engine, clock) = (Engine::Postgres, Some(Timestamp(clock)));
    Ok(Inspection { engine, version, unfit, journal, clock, migrations, hub })
}
