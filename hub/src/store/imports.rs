//! Files being taken in: their rows until these are done, their progress, their errors.
//! Not commands.
//!
//! It knows rows as text; what they mean is for `imports`. Invariant: a row is staged before the
//! import runs and goes with it, so that a restart finds all that is left.

use oneshelf_domain::{ImportId, Timestamp};

use super::{Bulk, Store, StoreError, Tx, on};

/// An import.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ImportRow {
    /// Its id.
    pub id: String,
    /// `items`, `prices` or `stock`.
    pub kind: String,
    /// `receiving`, `running`, `cancelling`, `cancelled`, `done` or `failed`.
    pub state: String,
    /// Who sent it.
    pub actor: String,
    /// None while it is received.
    pub rows_total: Option<i64>,
    /// Rows decided.
    pub rows_done: i64,
    /// Of these, refused.
    pub rows_failed: i64,
    /// Why it failed.
    pub detail: Option<String>,
    /// When.
    pub created_at: i64,
    /// How its file is laid out, as JSON; none before its header was read, or of an older hub,
    /// whose rows lie in the order of the kind's columns.
    pub layout: Option<String>,
    /// When its first row was taken in.
    pub began_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ErrorRow {
    /// As in the file; the header is row 1.
    pub line: i64,
    /// A stable code.
    pub code: String,
    /// In words.
    pub detail: String,
    /// Its cells as they came, as JSON.
    pub cells: Option<String>,
}

macro_rules! import_columns {
    () => {
        "select id, kind, state, actor, rows_total, rows_done, rows_failed, detail, created_at,
           layout, began_at, ended_at from import "
    };
}

/// Begins to receive; false when this import is known. One that failed begins anew: nothing of it
/// was done.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(
    store: &Store,
    id: ImportId,
    kind: &str,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = store.begin_write().await?;
    let name = id.to_string();
    let sql = "insert into import (id, kind, state, actor, rows_done, rows_failed, created_at)
        values ($1, $2, 'receiving', $3, 0, 0, $4) on conflict (id) do update set
            kind = excluded.kind, state = excluded.state, detail = null, rows_total = null,
            rows_done = 0, rows_failed = 0, created_at = excluded.created_at,
            layout = null, began_at = null, ended_at = null
        where import.state = 'failed'";
    let new: u64 = on!(&mut tx, conn => sqlx::query(sql)
        .bind(&name).bind(kind).bind(actor).bind(now.0)
        .execute(conn).await.map(|done| done.rows_affected()))?;
    if new == 1 {
        let sql = "delete from import_error where import = $1";
        on!(&mut tx, conn => sqlx::query(sql).bind(&name).execute(conn).await.map(drop))?;
    }
    tx.commit().await?;
    Ok(new == 1)
}

/// Keeps how a file is laid out.
///
/// # Errors
/// When the database does not answer.
pub async fn lay_out(store: &Store, id: ImportId, layout: &str) -> Result<(), StoreError> {
    let mut tx = store.begin_write().await?;
    let sql = "update import set layout = $2 where id = $1";
    on!(&mut tx, conn => sqlx::query(sql)
        .bind(id.to_string()).bind(layout).execute(conn).await.map(drop))?;
    tx.commit().await
}

/// Keeps rows and errors that were read.
///
/// # Errors
/// When the database does not answer.
pub async fn stage(
    store: &Store,
    id: ImportId,
    rows: &[(i64, String)],
    errors: &[ErrorRow],
) -> Result<(), StoreError> {
    let mut tx = store.begin_write().await?;
    let name = id.to_string();
    let mut staged = tx.rows("tbt");
    for (line, body) in rows {
        staged.row(|r| {
            r.text(&name).int(*line).text(body);
        });
    }
    if !staged.is_empty() {
        tx.store(Bulk::new("import_row", "import, line, body", staged)).await?;
    }
    put_errors(&mut tx, &name, errors).await?;
    tx.commit().await
}

async fn put_errors(tx: &mut Tx, name: &str, errors: &[ErrorRow]) -> Result<(), StoreError> {
    if errors.is_empty() {
        return Ok(());
    }
    let mut rows = tx.rows("tbttt");
    for error in errors {
        rows.row(|r| {
            r.text(name).int(error.line).text(&error.code).text(&error.detail);
            r.opt_text(error.cells.as_deref());
        });
    }
    // On SQLite a select before `on conflict` needs a where to be read as meant.
    let sql = "insert into import_error (import, line, code, detail, cells)
        select c0, c1, c2, c3, c4 from {rows} where true on conflict do nothing";
    tx.store(Bulk::sql(sql, rows)).await?;
    Ok(())
}

/// The file is complete: it may run. False when it was given up in the meantime.
///
/// # Errors
/// When the database does not answer.
pub async fn received(store: &Store, id: ImportId, rows_total: i64) -> Result<bool, StoreError> {
    let mut tx = store.begin_write().await?;
    // Rows that could not be read are decided already.
    let sql = "update import set state = 'running', rows_total = $2,
        rows_done = (select count(*) from import_error where import = $1),
        rows_failed = (select count(*) from import_error where import = $1)
        where id = $1 and state = 'receiving'";
    let runs: u64 = on!(&mut tx, conn => sqlx::query(sql)
        .bind(id.to_string()).bind(rows_total).execute(conn).await.map(|d| d.rows_affected()))?;
    tx.commit().await?;
    Ok(runs == 1)
}

/// Gives up a file that nobody receives; one that came to its end in the meantime goes on.
///
/// # Errors
/// When the database does not answer.
pub async fn cut(store: &Store, id: ImportId, detail: &str) -> Result<(), StoreError> {
    let mut tx = store.begin_write().await?;
    let name = id.to_string();
    let sql = "update import set state = 'failed', detail = $2
        where id = $1 and state = 'receiving'";
    on!(&mut tx, conn => sqlx::query(sql).bind(&name).bind(detail).execute(conn).await.map(drop))?;
    let sql = "delete from import_row where import = $1
        and exists (select 1 from import where id = $1 and state = 'failed')";
    on!(&mut tx, conn => sqlx::query(sql).bind(&name).execute(conn).await.map(drop))?;
    tx.commit().await
}

/// Ends an import of which no row is left.
///
/// # Errors
/// When the database does not answer.
pub async fn done(store: &Store, id: ImportId, now: Timestamp) -> Result<(), StoreError> {
    let mut tx = store.begin_write().await?;
    let sql = "update import set state = 'done', detail = null, ended_at = $2
        where id = $1 and state = 'running'";
    on!(&mut tx, conn => sqlx::query(sql)
        .bind(id.to_string()).bind(now.0).execute(conn).await.map(drop))?;
    tx.commit().await
}

/// Asks an import to stop; whoever works on it stops behind the rows that are on their way.
///
/// # Errors
/// When the database does not answer.
pub async fn cancel(store: &Store, id: ImportId) -> Result<(), StoreError> {
    let mut tx = store.begin_write().await?;
    let sql = "update import set state = 'cancelling' where id = $1 and state = 'running'";
    on!(&mut tx, conn => sqlx::query(sql).bind(id.to_string()).execute(conn).await.map(drop))?;
    tx.commit().await
}

/// Rows of an import that is being cancelled, in one transaction.
const CANCELLED_ROWS: i64 = 5_000;

/// Takes away rows that will not be done, a part at a time; with the last of them the import has
/// ended, and this is true.
///
/// # Errors
/// When the database does not answer.
pub async fn cancelled(store: &Store, id: ImportId, now: Timestamp) -> Result<bool, StoreError> {
    let mut tx = store.begin_write().await?;
    let name = id.to_string();
    let sql = "delete from import_row where import = $1 and line in
        (select line from import_row where import = $1 order by line limit $2)";
    let gone: u64 = on!(&mut tx, conn => sqlx::query(sql)
        .bind(&name).bind(CANCELLED_ROWS).execute(conn).await.map(|d| d.rows_affected()))?;
    if gone == 0 {
        let sql = "update import set state = 'cancelled', ended_at = $2
            where id = $1 and state = 'cancelling'";
        on!(&mut tx, conn => sqlx::query(sql)
            .bind(&name).bind(now.0).execute(conn).await.map(drop))?;
    }
    tx.commit().await?;
    Ok(gone == 0)
}

/// Notes rows as decided: they go, their errors stay.
///
/// # Errors
/// When the database does not answer.
pub async fn progress(
    store: &Store,
    id: ImportId,
    upto: i64,
    rows: i64,
    errors: &[ErrorRow],
    began_at: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = store.begin_write().await?;
    let name = id.to_string();
    put_errors(&mut tx, &name, errors).await?;
    let sql = "delete from import_row where import = $1 and line <= $2";
    let gone: u64 = on!(&mut tx, conn => sqlx::query(sql)
        .bind(&name).bind(upto).execute(conn).await.map(|done| done.rows_affected()))?;
    // Another hub that did the same rows has counted them.
    let counted = if gone == 0 { 0 } else { rows };
    let sql = "update import set rows_done = rows_done + $2,
        began_at = coalesce(began_at, $3), rows_failed =
        (select count(*) from import_error where import = $1) where id = $1";
    on!(&mut tx, conn => sqlx::query(sql)
        .bind(&name).bind(counted).bind(began_at.0).execute(conn).await.map(drop))?;
    tx.commit().await
}

/// One import.
///
/// # Errors
/// When the database does not answer.
pub async fn find(tx: &mut Tx, id: ImportId) -> Result<Option<ImportRow>, StoreError> {
    let sql = concat!(import_columns!(), "where id = $1");
    Ok(on!(tx, conn => sqlx::query_as(sql).bind(id.to_string()).fetch_optional(conn).await)?)
}

/// Imports in a state, the oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn in_state(tx: &mut Tx, state: &str) -> Result<Vec<ImportRow>, StoreError> {
    let sql = concat!(import_columns!(), "where state = $1 order by created_at, id");
    Ok(on!(tx, conn => sqlx::query_as(sql).bind(state).fetch_all(conn).await)?)
}

/// The next staged rows, in the order of the file.
///
/// # Errors
/// When the database does not answer.
pub async fn rows(tx: &mut Tx, id: ImportId, limit: i64) -> Result<Vec<(i64, String)>, StoreError> {
    let sql = "select line, body from import_row where import = $1 order by line limit $2";
    Ok(on!(tx, conn => sqlx::query_as(sql)
        .bind(id.to_string()).bind(limit).fetch_all(conn).await)?)
}

/// A page of errors behind a row.
///
/// # Errors
/// When the database does not answer.
pub async fn errors(
    tx: &mut Tx,
    id: ImportId,
    after: i64,
    limit: i64,
) -> Result<Vec<ErrorRow>, StoreError> {
    let sql = "select line, code, detail, cells from import_error
        where import = $1 and line > $2 order by line limit $3";
    Ok(on!(tx, conn => sqlx::query_as(sql)
        .bind(id.to_string()).bind(after).bind(limit).fetch_all(conn).await)?)
}
