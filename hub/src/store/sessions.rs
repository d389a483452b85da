//! Sessions of pages: who signed in, by the hash of the cookie. Not commands.

use oneshelf_domain::Timestamp;

use super::{Store, StoreError, on};

/// Remembers a session; sessions that ended are forgotten.
///
/// # Errors
/// When the database does not answer.
pub async fn open(
    store: &Store,
    id_hash: &str,
    principal: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = store.begin_write().await?;
    let old = "delete from session where expires_at <= $1";
    on!(&mut tx, conn => sqlx::query(old).bind(now.0).execute(conn).await.map(drop))?;
    let sql = "insert into session (id_hash, principal, expires_at) values ($1, $2, $3)";
    on!(&mut tx, conn => sqlx::query(sql)
        .bind(id_hash).bind(principal).bind(expires_at.0).execute(conn).await.map(drop))?;
    tx.commit().await
}

/// Whose session it is, when it lives.
///
/// # Errors
/// When the database does not answer.
pub async fn find(
    store: &Store,
    id_hash: &str,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let mut tx = store.read().await?;
    let sql = "select principal from session where id_hash = $1 and expires_at > $2";
    let found: Option<String> = on!(&mut tx, conn => sqlx::query_scalar(sql)
        .bind(id_hash).bind(now.0).fetch_optional(conn).await)?;
    tx.rollback().await?;
    Ok(found)
}

/// Ends a session.
///
/// # Errors
/// When the database does not answer.
pub async fn close(store: &Store, id_hash: &str) -> Result<(), StoreError> {
    let mut tx = store.begin_write().await?;
    let sql = "delete from session where id_hash = $1";
    on!(&mut tx, conn => sqlx::query(sql).bind(id_hash).execute(conn).await.map(drop))?;
    tx.commit().await
}
