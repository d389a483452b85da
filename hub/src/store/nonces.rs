//! Nonces of agents' credentials that were used. Not commands.

use oneshelf_domain::Timestamp;

use super::{Store, StoreError, on};

/// Uses a nonce up; false when it was used before. Those that no credential can carry any more
/// are forgotten.
///
/// # Errors
/// When the database does not answer.
pub async fn take(
    store: &Store,
    nonce: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = store.begin_write().await?;
    let old = "delete from used_nonce where expires_at <= $1";
    on!(&mut tx, conn => sqlx::query(old).bind(now.0).execute(conn).await.map(drop))?;
    let sql = "insert into used_nonce (nonce, expires_at) values ($1, $2) on conflict do nothing";
    let new: u64 = on!(&mut tx, conn => sqlx::query(sql)
        .bind(nonce).bind(until.0).execute(conn).await.map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok(new == 1)
}
