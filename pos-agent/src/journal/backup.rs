//! Copies of the journal as files: making one, looking at one, and making one the journal of a new
//! life that follows the old one.
//!
//! It knows rows and nothing of folders. Invariant: a file that is only looked at is not changed by
//! a byte.

use std::io::Read;
use std::path::Path;

use oneshelf_domain::{IncarnationId, Timestamp};
use oneshelf_protocol::sqlite_file;
use oneshelf_sync::agent::Life;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::migrate::MIGRATIONS;
use super::salvage::{Found, TakeIn, TakenIn, Walk};
use super::text::{from_json, parsed, to_json};
use super::{Fault, Identity, beside, options, options_of, past, sum};
use crate::clock;

/// Faults of a file that are told.
const FAULTS_TOLD_MAX: i64 = 5;

/// What a journal holds.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Whose it is.
    pub identity: Identity,
    /// The life that it was made in.
    pub life: Life,
    /// The newest migration that ran on its tables.
    pub schema: i64,
    /// Facts of its log.
    pub facts: i64,
    /// Facts that the hub had not answered.
    pub unsent: i64,
}

/// Copies a journal into an empty file, as it is at one moment, also while the agent works on it.
pub(crate) async fn write(data: &Path, target: &Path) -> Result<(), Fault> {
    let mut db = options(data).create_if_missing(false).connect().await?;
    let copied =
        sqlx::query("vacuum main into ?").bind(target.display().to_string()).execute(&mut db).await;
    let closed = db.close().await;
    copied?;
    Ok(closed?)
}

/// Looks at a file: whether it is whole, and what is in it.
pub(crate) async fn examine(path: &Path) -> Result<Held, Fault> {
    let unfit = |what: String| Fault::Damaged(format!("{}: {what}", path.display()));
    let read = |error: std::io::Error| unfit(error.to_string());
    let log = beside(path, "-wal");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        let log = log.display();
        return Err(unfit(format!("{log} lies beside it: a copy of files in use, no backup")));
    }
    let length = std::fs::metadata(path).map_err(read)?.len();
    let mut header = vec![];
    let head = std::fs::File::open(path).map_err(read)?.take(sqlite_file::HEADER_BYTES);
    { head }.read_to_end(&mut header).map_err(read)?;
    if let Some(fault) = sqlite_file::fault(&header, length) {
        return Err(unfit(fault));
    }
    let looking = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
    let mut db = looking.connect().await?;
    let found = held(&mut db).await;
    let _ = db.close().await;
    found.map_err(|fault| match fault {
        Fault::Database(error) => unfit(error.to_string()),
        Fault::Schema(what) | Fault::Damaged(what) => unfit(what),
        other => other,
    })
}

async fn held(db: &mut SqliteConnection) -> Result<Held, Fault> {
    let sql = "select integrity_check from pragma_integrity_check limit ?";
    let faults: Vec<String> =
        sqlx::query_scalar(sql).bind(FAULTS_TOLD_MAX).fetch_all(&mut *db).await?;
    if faults != ["ok"] {
        return Err(Fault::Damaged(format!("it is damaged: {}", faults.join("; "))));
    }
    let sql = "select count(*) from sqlite_master where type = 'table' and name in
               ('_sqlx_migrations', 'agent', 'life', 'log')";
    let tables: i64 = sqlx::query_scalar(sql).fetch_one(&mut *db).await?;
    if tables != 4 {
        return Err(Fault::Damaged("it is no journal of a store's agent".to_owned()));
    }
    let schema = schema_of(db).await?;
    let Some(identity) = identity_of(db).await? else {
        return Err(Fault::Damaged("its agent had not joined a shop".to_owned()));
    };
    let life = life_of(db).await?;
    let unsound = sum::unsound(db, true).await?;
    if unsound > 0 {
        let what = format!(
            "it is damaged: {unsound} facts are not what was stored; put an older backup back \
             with --replace, which takes along what can be read of the journal"
        );
        return Err(Fault::Damaged(what));
    }
    let sql = "select count(*), coalesce(sum(answered_at is null), 0) from log";
    let (facts, unsent) = sqlx::query_as(sql).fetch_one(db).await?;
    Ok(Held { identity, life, schema, facts, unsent })
}

/// The newest migration that ran; every one must be one that this build knows.
async fn schema_of(db: &mut SqliteConnection) -> Result<i64, Fault> {
    let sql = "select version, checksum from _sqlx_migrations order by version";
    let ran: Vec<(i64, Vec<u8>)> = sqlx::query_as(sql).fetch_all(db).await?;
    let here = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
    let newest = ran.last().map_or(0, |(version, _)| *version);
    if newest > here {
        return Err(Fault::Schema(format!(
            "it was made by a newer build (schema {newest}; this one knows {here}): use that one"
        )));
    }
    let known = |one: &(i64, Vec<u8>)| {
        MIGRATIONS.iter().any(|m| m.version == one.0 && *m.checksum == *one.1)
    };
    match ran.iter().find(|one| !known(one)) {
        Some((version, _)) => Err(Fault::Schema(format!(
            "its schema {version} is of a build that this one is not of"
        ))),
        None => Ok(newest),
    }
}

async fn identity_of(db: &mut SqliteConnection) -> Result<Option<Identity>, Fault> {
    let sql = "select agent_id, hub_url, hub_id, location from agent where one = 1";
    let row: Option<(String, String, String, String)> =
        sqlx::query_as(sql).fetch_optional(db).await?;
    row.map(|(agent, hub_url, hub_id, location)| {
        Ok(Identity { agent: parsed(&agent)?, hub_url, hub_id, location })
    })
    .transpose()
}

async fn life_of(db: &mut SqliteConnection) -> Result<Life, Fault> {
    let life: String =
        sqlx::query_scalar("select life from life where one = 1").fetch_one(db).await?;
    from_json(&life)
}

/// What can be read of the journal of a folder, in whatever state it is.
#[derive(Debug)]
pub(crate) struct Present {
    pub identity: Option<Identity>,
    pub life: Option<Life>,
    /// Its counters, when they can be read: then every number that was given is known.
    counters: Option<Vec<(String, i64)>>,
    log: Walk,
}

/// Reads what can be read; none when that is nothing.
pub(crate) async fn present(data: &Path) -> Option<Present> {
    let mut log = Walk::open(data).await.ok()?;
    let identity = identity_of(log.db()).await.ok().flatten();
    let life = life_of(log.db()).await.ok();
    let sql = "select register, last from counter";
    let sound: Result<Vec<String>, _> =
        sqlx::query_scalar("select quick_check from pragma_quick_check('counter')")
            .fetch_all(log.db())
            .await;
    let counters = match sound {
        Ok(said) if said == ["ok"] => sqlx::query_as(sql).fetch_all(log.db()).await.ok(),
        _ => None,
    };
    Some(Present { identity, life, counters, log })
}

/// How a journal begins a new life.
pub(crate) struct Renewal {
    /// Another agent of the store takes it over.
    pub becomes: Option<Identity>,
    /// The journal that it takes the place of.
    pub present: Option<Present>,
}

/// What that came to.
#[derive(Debug)]
pub(crate) struct Renewed {
    pub life: IncarnationId,
    pub follows: IncarnationId,
    /// Whether that is the newest life that the folder had; else it is the backup's, and the agent
    /// may have lived on since.
    pub follows_newest: bool,
    /// Facts that the hub is to be told, again or for the first time.
    pub to_tell: i64,
    /// Facts of the journal before that the backup had not, and places that were filled.
    pub taken_in: TakenIn,
    /// Rows of that journal that could not be read.
    pub lost: u64,
    /// Open tickets that were taken away, and receipts that will not be printed by themselves.
    pub tickets: u64,
    pub jobs: u64,
    /// Whether every receipt number that was given is known.
    pub numbers_known: bool,
}

/// Brings a journal up to this build and begins a new life in it, with no share. The file must not
/// be in use.
pub(crate) async fn renew(file: &Path, how: Renewal) -> Result<Renewed, Fault> {
    let mut db = options_of(file).create_if_missing(false).connect().await?;
    MIGRATIONS
        .run(&mut db)
        .await
        .map_err(|e| Fault::Schema(format!("it cannot be brought up to date: {e}")))?;
    let mut tx = db.begin().await?;
    let renewed = renew_in(&mut tx, how).await?;
    tx.commit().await?;
    db.close().await?;
    settle(file).await?;
    Ok(renewed)
}

async fn renew_in(db: &mut SqliteConnection, how: Renewal) -> Result<Renewed, Fault> {
    let now = clock::now();
    let old = life_of(db).await?.incarnation;
    let Renewal { becomes, present } = how;
    let mut take_in = TakeIn::default();
    let (mut lost, mut numbers_known, mut newest) = (0, false, None);
    if let Some(mut present) = present {
        loop {
            let found = present.log.next().await?;
            if found.is_empty() {
                break;
            }
            for fact in &found {
                take_in.put(db, fact).await?;
            }
        }
        lost = present.log.lost;
        for (register, last) in present.counters.iter().flatten() {
            past::raise(db, &parsed(register)?, *last).await?;
        }
        numbers_known = present.counters.is_some();
        newest = present.life.map(|life| life.incarnation);
    }
    if let Some(identity) = becomes {
        become_agent(db, &identity).await?;
    }
    let (follows, follows_newest) = (newest.unwrap_or(old), newest.is_some());
    let life = Life::begin(IncarnationId(clock::fresh()), Some(follows));
    sqlx::query("update life set life = ?").bind(to_json(&life)?).execute(&mut *db).await?;
    sqlx::query("delete from totals").execute(&mut *db).await?;
    // The hub may have been put back too: whatever it has it answers as a duplicate.
    sqlx::query("update log set answer = null, answered_at = null").execute(&mut *db).await?;
    // What was on them may have been paid since.
    let tickets = sqlx::query("delete from ticket").execute(&mut *db).await?.rows_affected();
    let jobs = skip_jobs(db, now).await?;
    past::note(db, super::PastKind::Restored, old, now).await?;
    if !numbers_known {
        past::doubt_numbers(db, now).await?;
    }
    let to_tell: i64 = sqlx::query_scalar("select count(*) from log").fetch_one(db).await?;
    let (life, taken_in) = (life.incarnation, take_in.done);
    Ok(Renewed {
        life,
        follows,
        follows_newest,
        to_tell,
        taken_in,
        lost,
        tickets,
        jobs,
        numbers_known,
    })
}

async fn become_agent(db: &mut SqliteConnection, who: &Identity) -> Result<(), Fault> {
    sqlx::query("update agent set agent_id = ?, hub_url = ?, hub_id = ?, location = ?")
        .bind(who.agent.to_string())
        .bind(&who.hub_url)
        .bind(&who.hub_id)
        .bind(&who.location)
        .execute(db)
        .await?;
    Ok(())
}

/// Receipts that waited then came out since, or not: nobody knows, and nobody waits for them now.
async fn skip_jobs(db: &mut SqliteConnection, now: Timestamp) -> Result<u64, Fault> {
    let sql = "update print_job set state = 'skipped', error = 'restored', changed_at = ?
               where state in ('queued', 'sending', 'unknown')";
    Ok(sqlx::query(sql).bind(now.0).execute(db).await?.rows_affected())
}

/// Puts a journal that is not in use into one file, without a log beside it.
pub(crate) async fn settle(file: &Path) -> Result<(), Fault> {
    let plain = SqliteConnectOptions::new().filename(file).create_if_missing(false);
    let mut db = plain.connect().await?;
    let settled = sqlx::query("pragma journal_mode = delete").fetch_one(&mut db).await;
    db.close().await?;
    Ok(settled.map(drop)?)
}

/// Puts facts that were exported into a journal that is not in use.
pub(crate) async fn take_in(
    data: &Path,
    facts: impl Iterator<Item = Result<Found, Fault>>,
) -> Result<TakenIn, Fault> {
    let mut db = options(data).create_if_missing(false).connect().await?;
    let mut tx = db.begin().await?;
    let mut take_in = TakeIn::default();
    for found in facts {
        take_in.put(&mut tx, &found?).await?;
    }
    tx.commit().await?;
    db.close().await?;
    Ok(take_in.done)
}
