//! Statements over many rows: how each engine takes them in few ways there and back.
//!
//! SQLite's connection lives in a thread of its own, and PostgreSQL in a program of its own: all
//! statements of a batch go there together. COPY would store new rows faster, but each costs ways
//! there and back, and over TCP its end waits for a delayed acknowledgement. It knows no table.
//! Invariant: whatever is refused, nothing of the transaction may be committed.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Rows, StoreError, Tx};

/// A change of one table: what is done, to which rows.
#[derive(Debug)]
pub struct Bulk {
    what: What,
    rows: Rows,
}

#[derive(Debug)]
enum What {
    New { table: &'static str, columns: &'static str },
    Sql(&'static str),
}

impl Bulk {
    /// Rows that are not there yet; `columns` names the table's columns in the rows' order.
    pub fn new(table: &'static str, columns: &'static str, rows: Rows) -> Self {
        Self { what: What::New { table, columns }, rows }
    }

    /// A statement with `{rows}` where its rows come from: they are named r, with the columns c0,
    /// c1 and so on.
    pub fn sql(sql: &'static str, rows: Rows) -> Self {
        Self { what: What::Sql(sql), rows }
    }

    /// The statement when its first parameter has this number.
    fn text(&self, parameter: usize) -> String {
        let rows = self.rows.source(parameter);
        match self.what {
            What::Sql(sql) => sql.replace("{rows}", &rows),
            What::New { table, columns } => {
                let cells: Vec<String> =
                    (0..self.rows.columns()).map(|at| format!("c{at}")).collect();
                format!("insert into {table} ({columns}) select {} from {rows}", cells.join(", "))
            }
        }
    }
}

impl Tx {
    /// Runs one statement.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn store(&mut self, one: Bulk) -> Result<(), StoreError> {
        self.store_all(vec![one]).await
    }

    /// Runs statements of different tables, in any order.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn store_all(&mut self, all: Vec<Bulk>) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => {
                let texts: Vec<String> = (1..).zip(&all).map(|(at, b)| b.text(at)).collect();
                let mut query = sqlx::query(AssertSqlSafe(texts.join(";\n")));
                for bulk in all {
                    query = bulk.rows.bind_sqlite(query);
                }
                query.execute(&mut **tx).await?;
            }
            Tx::Postgres(tx) => {
                let mut query = sqlx::query(AssertSqlSafe(joined(&all)));
                for bulk in all {
                    query = bulk.rows.bind_postgres(query);
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
fn joined(statements: &[Bulk]) -> String {
    let mut parameter = 1;
    let mut all = vec![];
    for bulk in statements {
        all.push(bulk.text(parameter));
        parameter += bulk.rows.columns();
    }
    let Some(last) = all.pop() else { return "select 1".to_owned() };
    if all.is_empty() {
        return last;
    }
    let named = all.iter().enumerate().map(|(at, sql)| format!("w{at} as ({sql})"));
    format!("with {} {last}", named.collect::<Vec<_>>().join(", "))
}
