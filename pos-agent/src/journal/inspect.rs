//! A look at the database that changes nothing, also while the agent works on it. For the doctor.

use std::path::Path;

use oneshelf_domain::Timestamp;
use serde::Deserialize;

use super::migrate::MIGRATIONS;
use super::{Fault, Identity, Past, open_to_read, sum};

/// What was found.
#[derive(Debug)]
pub(crate) struct Inspection {
    /// What SQLite says of the file: `ok`, or what is broken.
    pub check: String,
    /// The newest migration that ran, and the newest that this build knows.
    pub schema: (i64, i64),
    /// Who this agent is.
    pub identity: Option<Identity>,
    /// Facts that the hub has not answered.
    pub unsent: i64,
    /// When the oldest of them happened.
    pub oldest: Option<Timestamp>,
    /// What happened to it last: put back, or copied.
    pub past: Option<Past>,
    /// No payment is taken before the hub has said its last receipt numbers.
    pub numbers_unknown: bool,
}

/// From this migration on a journal knows its past.
const SCHEMA_OF_PAST: i64 = 5;

/// The part of a fact that is read.
#[derive(Deserialize)]
struct Happened {
    occurred_at: Timestamp,
}

/// Looks.
pub(crate) async fn inspect(data: &Path) -> Result<Inspection, Fault> {
    let reads = open_to_read(data).await?;
    // Every page, and every index against its table: the agent looks at less when it starts.
    let mut check: String =
        sqlx::query_scalar("pragma integrity_check(1)").fetch_one(&reads.pool).await?;
    if check == "ok" {
        let mut db = reads.pool.acquire().await?;
        let unsound = sum::unsound(&mut db, true).await?;
        if unsound > 0 {
            check = format!("{unsound} facts of the log are not what was stored");
        }
    }
    let there: Option<i64> = sqlx::query_scalar("select max(version) from _sqlx_migrations")
        .fetch_one(&reads.pool)
        .await?;
    let here = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
    let unsent = sqlx::query_scalar("select count(*) from log where answered_at is null")
        .fetch_one(&reads.pool)
        .await?;
    let first = reads.unsent(0).await?;
    let oldest = first.first().and_then(|(_, fact)| serde_json::from_str(fact).ok());
    let identity = reads.identity().await?;
    let (past, numbers_unknown) = match there.unwrap_or(0) >= SCHEMA_OF_PAST {
        true => (reads.past().await?, reads.numbers_unknown().await?),
        false => (None, false),
    };
    reads.close().await;
    Ok(Inspection {
        check,
        schema: (there.unwrap_or(0), here),
        identity,
        unsent,
        oldest: oldest.map(|Happened { occurred_at }| occurred_at),
        past,
        numbers_unknown,
    })
}
