//! What needs a look: notices of the rules.
//!
//! It knows rows; who may see which is for its readers. The newest first.

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
