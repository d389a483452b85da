//! Facts of stores that were not booked when they came, and what became of them.
//!
//! It knows rows; who may see which is for its readers. The newest first.

use oneshelf_domain::stock::{ItemNo, LocationNo, Version};
use oneshelf_domain::{CommandId, Timestamp};

use crate::store::{StoreError, Tx, on};

/// A fact that was not booked.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RejectedRow {
    /// Its id.
    pub id: String,
    /// Who sent it.
    pub agent: String,
    /// Its store.
    pub location: i64,
    /// Why.
    pub code: String,
    /// As it came.
    pub frame: String,
    /// When.
    pub recorded_at: i64,
    /// When somebody settled it.
    pub settled_at: Option<i64>,
    /// Who did.
    pub settled_by: Option<String>,
    /// `booked` or `by_hand`.
    pub settled_how: Option<String>,
    /// Why, in their words.
    pub settled_note: Option<String>,
}

/// Which of them.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Of one location, or of all.
    pub location: Option<LocationNo>,
    /// Only those that nobody has settled.
    pub open: bool,
}

/// The newest facts that were not booked, before a place.
///
/// # Errors
/// When the database does not answer.
pub async fn before(
    tx: &mut Tx,
    wanted: Wanted,
    (recorded_at, id): (i64, &str),
    limit: i64,
) -> Result<Vec<RejectedRow>, StoreError> {
    let sql = "select id, agent, location, code, frame, recorded_at, settled_at, settled_by,
            settled_how, settled_note from rejected_frame
        where (location = $1 or $1 = 0) and (settled_at is null or $2 = 0)
            and (recorded_at, id) < ($3, $4)
        order by recorded_at desc, id desc limit $5";
    let (location, open) = (wanted.location.map_or(0, |l| l.0), i64::from(wanted.open));
    Ok(on!(tx, conn => sqlx::query_as(sql)
        .bind(location).bind(open).bind(recorded_at).bind(id).bind(limit)
        .fetch_all(conn).await)?)
}

/// One of them.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(tx: &mut Tx, id: CommandId) -> Result<Option<RejectedRow>, StoreError> {
    let sql = "select id, agent, location, code, frame, recorded_at, settled_at, settled_by,
            settled_how, settled_note from rejected_frame where id = $1";
    Ok(on!(tx, conn => sqlx::query_as(sql).bind(id.to_string()).fetch_optional(conn).await)?)
}

/// Whether somebody has counted or corrected an item at a location behind a version.
///
/// # Errors
/// When the database does not answer.
pub async fn corrected_since(
    tx: &mut Tx,
    (item, location): (ItemNo, LocationNo),
    since: Version,
) -> Result<bool, StoreError> {
    let sql = "select m.version from movement m
        where m.item = $1 and m.reason in ('count', 'adjust') and m.version > $3
            and (m.from_location = $2 or m.to_location = $2) limit 1";
    let found: Option<i64> = on!(tx, conn => sqlx::query_scalar(sql)
        .bind(item.0).bind(location.0).bind(since.0).fetch_optional(conn).await)?;
    Ok(found.is_some())
}

/// The version at which the place of a fact in its log was taken without booking it.
///
/// # Errors
/// When the database does not answer.
pub async fn stood_in(tx: &mut Tx, id: CommandId) -> Result<Option<Version>, StoreError> {
    let sql = "select version from event
        where kind >= 'notice.' and kind < 'notice/' and kind = 'notice.fact_not_booked'
            and subject = $1 order by version limit 1";
    let version: Option<i64> = on!(tx, conn => sqlx::query_scalar(sql)
        .bind(id.to_string()).fetch_optional(conn).await)?;
    Ok(version.map(Version))
}

/// When that happened which the fact of a version told.
///
/// # Errors
/// When the database does not answer.
pub async fn happened(tx: &mut Tx, version: Version) -> Result<Option<Timestamp>, StoreError> {
    let sql = "select occurred_at from ledger where version = $1 and kind = 'fact'";
    let at: Option<Option<i64>> = on!(tx, conn => sqlx::query_scalar(sql)
        .bind(version.0).fetch_optional(conn).await)?;
    Ok(at.flatten().map(Timestamp))
}
