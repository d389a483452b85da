//! What differs between the engines: the transaction and the locks of `head` and of leases.
//!
//! It knows no other table.

use sqlx::{Postgres, Sqlite, Transaction};

use super::{Engine, StoreError};

pub use super::rows::Rows;

/// A transaction on either engine. Dropped, it is rolled back.
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// Runs one body on the connection of either engine; it is compiled for both.
macro_rules! on {
    ($tx:expr, $conn:ident => $body:expr) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) => {
                let $conn = &mut **tx;
                $body
            }
            $crate::store::Tx::Postgres(tx) => {
                let $conn = &mut **tx;
                $body
            }
        }
    };
}
pub(crate) use on;

impl Tx {
    /// Which engine it runs on.
    pub fn engine(&self) -> Engine {
        match self {
            Tx::Sqlite(_) => Engine::Sqlite,
            Tx::Postgres(_) => Engine::Postgres,
        }
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// When the commit failed, or when the connection was lost and nobody knows.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => tx.commit().await?,
            Tx::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Ends it without effect.
    ///
    /// # Errors
    /// When the connection was lost; then it has no effect either.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => tx.rollback().await?,
            Tx::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }

    /// Rows for one bulk statement of this transaction; `columns` has a letter a column, `t` for
    /// text, `b` for bigint.
    pub fn rows(&self, columns: &'static str) -> Rows {
        Rows::new(self.engine(), columns)
    }
}

/// On SQLite the transaction that began immediately is the lock.
pub(super) async fn lock_head(tx: &mut Tx) -> Result<super::HeadColumns, StoreError> {
    let sql = match tx.engine() {
        Engine::Sqlite => "select version, epoch, recorded_at, hash, hub_id, batch from head",
        Engine::Postgres => {
            "select version, epoch, recorded_at, hash, hub_id, batch from head for update"
        }
    };
    Ok(on!(tx, conn => sqlx::query_as(sql).fetch_one(conn).await)?)
}

/// The number of a lease's fence, which stays until the end of the transaction; none of a lease
/// that nobody ever took. On SQLite nobody else writes meanwhile.
pub(super) async fn lock_lease(tx: &mut Tx, name: &str) -> Result<Option<i64>, StoreError> {
    let sql = match tx.engine() {
        Engine::Sqlite => "select fence from lease where name = $1",
        Engine::Postgres => "select fence from lease where name = $1 for share",
    };
    Ok(on!(tx, conn => sqlx::query_scalar(sql).bind(name).fetch_optional(conn).await)?)
}
