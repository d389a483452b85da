//! Deleting what is kept for a while only, the oldest first and a few rows at a time.
//!
//! Each function deletes one small batch and says how many rows went; how long a thing is kept is
//! the job's matter. Invariant: facts' outcomes, the ledger and movements are never touched.

use oneshelf_domain::Timestamp;

use super::{StoreError, Tx, on};

/// Events up to a version.
///
/// # Errors
/// When the database does not answer.
pub async fn events(tx: &mut Tx, upto: i64, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from event where (version, line) in
        (select version, line from event where version <= $1 order by version, line limit $2)";
    delete(tx, sql, upto, rows).await
}

/// Outcomes of requests that were recorded before a time.
///
/// # Errors
/// When the database does not answer.
pub async fn outcomes(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from command where id in
        (select id from command where fact = 0 and recorded_at < $1
            order by recorded_at, id limit $2)";
    delete(tx, sql, before.0, rows).await
}

/// Nonces of credentials that nobody may use any more.
///
/// # Errors
/// When the database does not answer.
pub async fn nonces(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from used_nonce where nonce in
        (select nonce from used_nonce where expires_at < $1 limit $2)";
    delete(tx, sql, before.0, rows).await
}

/// Sessions that ended.
///
/// # Errors
/// When the database does not answer.
pub async fn sessions(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from session where id_hash in
        (select id_hash from session where expires_at < $1 limit $2)";
    delete(tx, sql, before.0, rows).await
}

/// Staged rows of imports that ended and were begun before a time.
///
/// # Errors
/// When the database does not answer.
pub async fn staging(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from import_row where (import, line) in
        (select r.import, r.line from import_row r where r.import in
            (select i.id from import i
                where i.state in ('done', 'failed', 'cancelled') and i.created_at < $1)
            limit $2)";
    delete(tx, sql, before.0, rows).await
}

async fn delete(tx: &mut Tx, sql: &'static str, bound: i64, rows: i64) -> Result<u64, StoreError> {
    let gone = on!(tx, conn => sqlx::query(sql).bind(bound).bind(rows)
        .execute(conn).await.map(|done| done.rows_affected()))?;
    Ok(gone)
}

/// Errors of imports that ended and were begun before a time.
///
/// # Errors
/// When the database does not answer.
pub async fn import_errors(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from import_error where (import, line) in
        (select e.import, e.line from import_error e where e.import in
            (select i.id from import i
                where i.state in ('done', 'failed', 'cancelled') and i.created_at < $1)
            limit $2)";
    delete(tx, sql, before.0, rows).await
}

/// Imports that ended, were begun before a time and have no rows or errors any more.
///
/// # Errors
/// When the database does not answer.
pub async fn imports(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from import where id in
        (select i.id from import i
            where i.state in ('done', 'failed', 'cancelled') and i.created_at < $1
            and not exists (select 1 from import_error e where e.import = i.id)
            and not exists (select 1 from import_row r where r.import = i.id)
            limit $2)";
    delete(tx, sql, before.0, rows).await
}

/// Deliveries that ended before a time.
///
/// # Errors
/// When the database does not answer.
pub async fn deliveries(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from delivery where id in
        (select id from delivery where state <> 'waiting' and ended_at < $1
            order by ended_at limit $2)";
    delete(tx, sql, before.0, rows).await
}

/// Attempts from before a time whose deliveries are gone.
///
/// # Errors
/// When the database does not answer.
pub async fn attempts(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from delivery_attempt where (delivery, number) in
        (select a.delivery, a.number from delivery_attempt a where a.at < $1
            and not exists (select 1 from delivery d where d.id = a.delivery) limit $2)";
    delete(tx, sql, before.0, rows).await
}

/// What channels sent before a time and what was worked off: it keeps its id.
///
/// # Errors
/// When the database does not answer.
pub async fn inbox_bodies(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "update channel_inbox set body = null where (channel, event) in
        (select channel, event from channel_inbox where received_at < $1
            and body is not null and state in ('worked', 'ignored') order by received_at limit $2)";
    delete(tx, sql, before.0, rows).await
}

/// Ids of what channels sent before a time and what was worked off.
///
/// # Errors
/// When the database does not answer.
pub async fn inbox_ids(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from channel_inbox where (channel, event) in
        (select channel, event from channel_inbox where received_at < $1
            and state in ('worked', 'ignored') order by received_at limit $2)";
    delete(tx, sql, before.0, rows).await
}

/// Orders that came to nothing before a time.
///
/// # Errors
/// When the database does not answer.
pub async fn ended_orders(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let sql = "delete from channel_order where (channel, id) in
        (select channel, id from channel_order where changed_at < $1
            and state in ('refused', 'cancelled') order by changed_at limit $2)";
    delete(tx, sql, before.0, rows).await
}
