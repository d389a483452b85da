//! What needs a look: notices of the rules, and facts of stores that could not be booked.
//!
//! It knows rows; who may see which is for its readers. The newest first.

use oneshelf_domain::stock::LocationNo;

use crate::store::{StoreError, Tx, on};

/// A notice, and the command that made it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct NoticeRow {
    /// Of its command.
    pub version: i64,
    /// Its place among the command's events.
    pub line: i64,
    /// `notice.` and its code.
    pub kind: String,
    /// Id or key of what it is about.
    pub subject: String,
    /// JSON of a sentence.
    pub body: String,
    /// The kind of command.
    pub command: String,
    /// Who sent it.
    pub actor: String,
    /// The hub's time.
    pub recorded_at: i64,
}

/// The newest notices before a place.
///
/// # Errors
/// When the database does not answer.
pub async fn before(
    tx: &mut Tx,
    (version, line): (i64, i64),
    limit: i64,
) -> Result<Vec<NoticeRow>, StoreError> {
    let sql = "select e.version, e.line, e.kind, e.subject, e.body, l.kind as command, l.actor,
            l.recorded_at
        from event e join ledger l on l.version = e.version
        where e.kind >= 'notice.' and e.kind < 'notice/' and (e.version, e.line) < ($1, $2)
        order by e.version desc, e.line desc limit $3";
    Ok(on!(tx, conn => sqlx::query_as(sql)
        .bind(version).bind(line).bind(limit).fetch_all(conn).await)?)
}

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
}

/// The newest facts that were not booked, before a place: of one location, or of all.
///
/// # Errors
/// When the database does not answer.
pub async fn rejected(
    tx: &mut Tx,
    location: Option<LocationNo>,
    (recorded_at, id): (i64, &str),
    limit: i64,
) -> Result<Vec<RejectedRow>, StoreError> {
    let sql = "select id, agent, location, code, frame, recorded_at from rejected_frame
        where (location = $1 or $1 = 0) and (recorded_at, id) < ($2, $3)
        order by recorded_at desc, id desc limit $4";
    Ok(on!(tx, conn => sqlx::query_as(sql)
        .bind(location.map_or(0, |l| l.0)).bind(recorded_at).bind(id).bind(limit)
        .fetch_all(conn).await)?)
}
