//! All rows of a batch into the tables: one statement a table, whatever the batch's size.
//!
//! It decides nothing and reads nothing. Invariant: the caller holds the lock of `head`, and
//! commits or loses everything together.

mod claims;
mod history;
mod settings;

use oneshelf_sync::plan::Writes;

use super::rows::Row;
use super::{Bulk, Rows, StoreError, Tx};

/// Rows of one statement.
const CHUNK_ROWS: usize = 8_192;

type Statements = Vec<Bulk>;

/// Stores the rows of a batch; `batch` is the counter of `head` afterwards.
///
/// # Errors
/// When the database refuses a row or does not answer: then nothing may be committed.
pub async fn flush(tx: &mut Tx, writes: &Writes, batch: i64) -> Result<(), StoreError> {
    let mut all = Statements::new();
    // First what an id taken twice would break.
    history::commands(tx, &mut all, writes);
    history::ledger(tx, &mut all, writes);
    claims::stock(tx, &mut all, writes);
    claims::reservations(tx, &mut all, writes);
    claims::timers(tx, &mut all, writes);
    settings::items(tx, &mut all, writes);
    settings::records(tx, &mut all, writes);
    settings::agents(tx, &mut all, writes);
    history::sales(tx, &mut all, writes);
    history::events(tx, &mut all, writes);
    let head = &writes.head;
    let sql = "update head set version = c0, recorded_at = c1, hash = c2, batch = c3 \
               from {rows} where one = 1";
    put(tx, &mut all, sql, "bbtb", [head], |r, head| {
        r.int(head.version.0).int(head.recorded_at.0).text(&head.hash).int(batch);
    });
    tx.store_all(all).await
}

/// Adds a statement over rows made of values; none without values, more when there are many.
fn put<T>(
    tx: &Tx,
    all: &mut Statements,
    sql: &'static str,
    columns: &'static str,
    values: impl IntoIterator<Item = T>,
    fill: impl Fn(&mut Row<'_>, T),
) {
    all.extend(chunks(tx, columns, values, fill).into_iter().map(|rows| Bulk::sql(sql, rows)));
}

/// Adds rows that the table does not have yet: its name, its columns.
fn add<T>(
    tx: &Tx,
    all: &mut Statements,
    (table, names): (&'static str, &'static str),
    columns: &'static str,
    values: impl IntoIterator<Item = T>,
    fill: impl Fn(&mut Row<'_>, T),
) {
    let rows = chunks(tx, columns, values, fill).into_iter();
    all.extend(rows.map(|rows| Bulk::new(table, names, rows)));
}

fn chunks<T>(
    tx: &Tx,
    columns: &'static str,
    values: impl IntoIterator<Item = T>,
    fill: impl Fn(&mut Row<'_>, T),
) -> Vec<Rows> {
    let mut all = vec![];
    let mut rows = tx.rows(columns);
    for value in values {
        rows.row(|r| fill(r, value));
        if rows.len() == CHUNK_ROWS {
            all.push(std::mem::replace(&mut rows, tx.rows(columns)));
        }
    }
    if !rows.is_empty() {
        all.push(rows);
    }
    all
}
