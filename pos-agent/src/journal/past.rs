//! What became of the database: put back to a backup, or lived twice; and whether receipt numbers
//! may be out there that it knows nothing of.
//!
//! Invariant: from the moment that either is known until the hub has said its last numbers, there
//! is a row that says so, and a counter never falls.

use oneshelf_domain::{IncarnationId, RegisterCode, Timestamp};
use sqlx::{Connection, SqliteConnection};

use super::text::parsed;
use super::{Fault, Reads, Writer};

/// What happened to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PastKind {
    /// It was put back to a backup, by `pos-agent restore`.
    Restored,
    /// Two machines had it, or it was put back by other means.
    Copied,
}

impl PastKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Copied => "copied",
        }
    }
}

/// The newest thing that happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    pub kind: PastKind,
    pub at: Timestamp,
    /// The life that ended by it.
    pub life: IncarnationId,
}

/// Notes what happened; of one life each thing once.
pub(super) async fn note(
    db: &mut SqliteConnection,
    kind: PastKind,
    life: IncarnationId,
    now: Timestamp,
) -> Result<(), Fault> {
    sqlx::query("insert into past (at, kind, life) values (?, ?, ?) on conflict do nothing")
        .bind(now.0)
        .bind(kind.name())
        .bind(life.to_string())
        .execute(db)
        .await?;
    Ok(())
}

/// Notes that it is a copy, unless what happened last is that it was put back: then that says it.
pub(super) async fn note_if_not_restored(
    db: &mut SqliteConnection,
    life: IncarnationId,
    now: Timestamp,
) -> Result<(), Fault> {
    let sql = "select kind from past order by n desc limit 1";
    let last: Option<String> = sqlx::query_scalar(sql).fetch_optional(&mut *db).await?;
    match last {
        Some(kind) if kind == PastKind::Restored.name() => Ok(()),
        _ => note(db, PastKind::Copied, life, now).await,
    }
}

/// From now on no number is given before the hub has said its last ones.
pub(super) async fn doubt_numbers(db: &mut SqliteConnection, now: Timestamp) -> Result<(), Fault> {
    sqlx::query("insert into numbers_unknown (one, since) values (1, ?) on conflict do nothing")
        .bind(now.0)
        .execute(db)
        .await?;
    Ok(())
}

/// A register's next number is above this one.
pub(super) async fn raise(
    db: &mut SqliteConnection,
    register: &RegisterCode,
    last: i64,
) -> Result<u64, Fault> {
    let done = sqlx::query(
        "insert into counter (register, last) values (?, ?)
         on conflict (register) do update set last = excluded.last where last < excluded.last",
    )
    .bind(register.as_str())
    .bind(last)
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

impl Reads {
    /// The newest thing that happened to this database.
    pub(crate) async fn past(&self) -> Result<Option<Past>, Fault> {
        let row: Option<(String, i64, String)> =
            sqlx::query_as("select kind, at, life from past order by n desc limit 1")
                .fetch_optional(&self.pool)
                .await?;
        row.map(|(kind, at, life)| {
            let kind = if kind == "restored" { PastKind::Restored } else { PastKind::Copied };
            Ok(Past { kind, at: Timestamp(at), life: parsed(&life)? })
        })
        .transpose()
    }

    /// Whether the hub must say its last receipt numbers before the next one is given.
    pub(crate) async fn numbers_unknown(&self) -> Result<bool, Fault> {
        let row: i64 = sqlx::query_scalar("select exists (select 1 from numbers_unknown)")
            .fetch_one(&self.pool)
            .await?;
        Ok(row != 0)
    }
}

impl Writer {
    /// The hub said the last number that it has of each register (`S07-R2`) of this store: those
    /// that are further than ours, with ours before.
    pub(crate) async fn numbers_known(
        &mut self,
        location: &str,
        last: &[(String, i64)],
    ) -> Result<Vec<(RegisterCode, i64)>, Fault> {
        let mut tx = self.db.begin().await?;
        let mut raised = vec![];
        for (register, last) in last {
            let own = register.strip_prefix(location).and_then(|rest| rest.strip_prefix('-'));
            let Some(register) = own.and_then(|code| code.parse::<RegisterCode>().ok()) else {
                continue;
            };
            if raise(&mut tx, &register, *last).await? > 0 {
                raised.push((register, *last));
            }
        }
        sqlx::query("delete from numbers_unknown").execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(raised)
    }
}
