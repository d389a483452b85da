//! Who works on a database of PostgreSQL: a lock of the server, which one program has alone while
//! it puts the database to another time.
//!
//! Of a file see `lock`. A hub looks at it once, when its connection is there: whoever takes it
//! afterwards sees that connection. Invariant: while it is held no hub works on the database, and
//! it ends with its connection.

use sqlx::{Connection, PgConnection, PgPool};

use super::StoreError;

/// Which lock; one server has it for each database.
const KEY: i64 = 0x6f6e_6573_6865_6c66;

/// Held until it is ended, or its program does.
pub struct Lock(PgConnection);

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// When hubs work on the database, another one has it, or the server does not answer.
    pub async fn take(url: &str) -> Result<Self, StoreError> {
        let mut db = PgConnection::connect(url).await?;
        let sql = "select pg_try_advisory_lock($1)";
        let mine: bool = sqlx::query_scalar(sql).bind(KEY).fetch_one(&mut db).await?;
        let sql = "select count(*) from pg_stat_activity \
                   where datname = current_database() and application_name = 'oneshelf-hub'";
        let at_work: i64 = sqlx::query_scalar(sql).fetch_one(&mut db).await?;
        if mine && at_work == 0 {
            return Ok(Self(db));
        }
        let _ = db.close().await;
        let what = "it is in use: stop the hubs that run on it first";
        Err(StoreError::Unfit(what.to_owned()))
    }

    /// Gives it back.
    pub async fn end(self) {
        // It goes with the connection, however that ends.
        let _ = self.0.close().await;
    }
}

/// Refuses while somebody has it.
pub(super) async fn look(pool: &PgPool) -> Result<(), StoreError> {
    let mut tx = pool.begin().await?;
    let sql = "select pg_try_advisory_xact_lock_shared($1)";
    let free: bool = sqlx::query_scalar(sql).bind(KEY).fetch_one(&mut *tx).await?;
    tx.rollback().await?;
    if free {
        return Ok(());
    }
    let what = "the database is being restored; start again when that is done";
    Err(StoreError::Unfit(what.to_owned()))
}
