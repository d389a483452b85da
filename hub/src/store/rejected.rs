//! Frames of agents that could not be booked, kept for somebody to look at.
//!
//! It knows no frame's inside. Invariant: the first copy stays, and the first word on what became
//! of it: a frame that comes again changes nothing.

use oneshelf_domain::stock::LocationNo;
use oneshelf_domain::{AgentId, CommandId, Timestamp};

use super::{Store, StoreError, on};

/// A frame that was not booked.
#[derive(Debug, Clone, Copy)]
pub struct RejectedFrame<'a> {
    /// Of the fact.
    pub id: CommandId,
    /// Who sent it.
    pub agent: AgentId,
    /// Its store.
    pub location: LocationNo,
    /// Why.
    pub code: &'a str,
    /// As it came.
    pub frame: &'a str,
}

/// Keeps a frame.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_rejected(
    store: &Store,
    rejected: &RejectedFrame<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "insert into rejected_frame (id, agent, location, code, frame, recorded_at)
        values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing";
    // PostgreSQL takes no such character into text.
    let frame = rejected.frame.replace('\0', "\u{fffd}");
    let mut tx = store.begin_write().await?;
    on!(&mut tx, conn => sqlx::query(sql)
        .bind(rejected.id.to_string()).bind(rejected.agent.to_string())
        .bind(rejected.location.0).bind(rejected.code).bind(frame).bind(now.0)
        .execute(conn).await.map(drop))?;
    tx.commit().await
}

/// What became of a frame that was not booked.
#[derive(Debug, Clone, Copy)]
pub struct Settled<'a> {
    /// It was booked by a command of its own; else somebody saw to it by hand.
    pub booked: bool,
    /// Who said so.
    pub by: &'a str,
    /// Why, in their words.
    pub note: &'a str,
}

/// Notes what became of a frame, unless that is noted; that it was booked stands before any other
/// word.
///
/// # Errors
/// When the database does not answer.
pub async fn settle_rejected(
    store: &Store,
    id: CommandId,
    settled: &Settled<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "update rejected_frame
        set settled_at = $2, settled_by = $3, settled_how = $4, settled_note = $5
        where id = $1 and (settled_at is null or ($4 = 'booked' and settled_how = 'by_hand'))";
    let how = if settled.booked { "booked" } else { "by_hand" };
    let mut tx = store.begin_write().await?;
    on!(&mut tx, conn => sqlx::query(sql)
        .bind(id.to_string()).bind(now.0).bind(settled.by).bind(how).bind(settled.note)
        .execute(conn).await.map(drop))?;
    tx.commit().await
}
