//! What differs between the engines: the transaction, the source of bulk rows, the lock of `head`.
//!
//! It knows no table but `head`. A bulk statement is written once with `{rows}` where its rows
//! come from: `insert into barcode (code, item) select c0, c1 from {rows}`.

use sqlx::{AssertSqlSafe, FromRow, Postgres, Sqlite, Transaction};

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

    /// Runs a statement over its rows, which are named r with the columns c0, c1 and so on.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn store(&mut self, sql: &'static str, rows: Rows) -> Result<(), StoreError> {
        self.store_all(vec![(sql, rows)]).await
    }

    /// Runs statements of different tables over their rows: one after another in SQLite, whose
    /// connection is near; as one statement in PostgreSQL, where each is a way there and back.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn store_all(
        &mut self,
        statements: Vec<(&'static str, Rows)>,
    ) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => {
                for (sql, rows) in statements {
                    let sql = AssertSqlSafe(sql.replace("{rows}", &rows.source(1)));
                    rows.bind_sqlite(sqlx::query(sql)).execute(&mut **tx).await?;
                }
            }
            Tx::Postgres(tx) => {
                let mut query = sqlx::query(AssertSqlSafe(joined(&statements)));
                for (_, rows) in statements {
                    query = rows.bind_postgres(query);
                }
                query.execute(&mut **tx).await?;
            }
        }
        Ok(())
    }

    /// Runs a query over its rows.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn fetch<T>(&mut self, sql: &str, rows: Rows) -> Result<Vec<T>, StoreError>
    where
        T: Send + Unpin,
        T: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow>,
        T: for<'r> FromRow<'r, sqlx::postgres::PgRow>,
    {
        let sql = AssertSqlSafe(sql.replace("{rows}", &rows.source(1)));
        let mut found = vec![];
        match self {
            Tx::Sqlite(tx) => {
                for row in rows.bind_sqlite(sqlx::query(sql)).fetch_all(&mut **tx).await? {
                    found.push(T::from_row(&row)?);
                }
            }
            Tx::Postgres(tx) => {
                for row in rows.bind_postgres(sqlx::query(sql)).fetch_all(&mut **tx).await? {
                    found.push(T::from_row(&row)?);
                }
            }
        }
        Ok(found)
    }
}

/// All statements as one: the last is the body, the others stand before it in `with`.
fn joined(statements: &[(&'static str, Rows)]) -> String {
    let mut parameter = 1;
    let mut all = vec![];
    for (sql, rows) in statements {
        all.push(sql.replace("{rows}", &rows.source(parameter)));
        parameter += rows.columns();
    }
    let Some(last) = all.pop() else { return "select 1".to_owned() };
    if all.is_empty() {
        return last;
    }
    let named = all.iter().enumerate().map(|(at, sql)| format!("w{at} as ({sql})"));
    format!("with {} {last}", named.collect::<Vec<_>>().join(", "))
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
