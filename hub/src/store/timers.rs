//! Timers.
//!
//! The write path sets and clears them; here they are read, and one that its subject has left
//! behind is taken away. It must not know what a timer leads to. Invariant: a timer whose subject
//! still waits for it stays.

use oneshelf_domain::Timestamp;

use super::{StoreError, Tx, lock_head, on};

/// A timer.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Timer {
    /// What is to happen.
    pub kind: String,
    /// To what.
    pub subject: String,
    /// When, in microseconds.
    pub due_at: i64,
}

/// Timers that are due, the oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Timer>, StoreError> {
    let sql = "select kind, subject, due_at from timer where due_at <= $1
        order by due_at, kind, subject limit $2";
    let rows = on!(tx, conn => sqlx::query_as(sql).bind(now.0).bind(limit).fetch_all(conn).await)?;
    Ok(rows)
}

/// When the next timer is due.
///
/// # Errors
/// When the database does not answer.
pub async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let sql = "select min(due_at) from timer";
    let due: Option<i64> = on!(tx, conn => sqlx::query_scalar(sql).fetch_one(conn).await)?;
    Ok(due.map(Timestamp))
}

/// Takes a timer away that its subject has left behind. A hold that still waits for it keeps it:
/// a clock that was set back refuses a timer as stale too.
///
/// # Errors
/// When the database does not answer.
pub async fn remove_stale(tx: &mut Tx, timer: &Timer) -> Result<(), StoreError> {
    lock_head(tx).await?;
    let sql = "delete from timer where kind = $1 and subject = $2 and due_at = $3
        and not exists (select 1 from reservation r where r.id = timer.subject
            and r.state = 'held' and r.expires_at = timer.due_at)";
    on!(tx, conn => sqlx::query(sql)
        .bind(&timer.kind).bind(&timer.subject).bind(timer.due_at)
        .execute(conn).await.map(|_| ()))?;
    Ok(())
}
