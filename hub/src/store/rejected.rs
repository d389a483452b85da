//! Frames of agents that could not be booked, kept for somebody to look at.
//!
//! It knows no frame's inside. Invariant: the first copy stays; a frame that comes again changes
//! nothing.

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
