//! A large copy, in parts: the register has its turn between them.
//!
//! Items are put in place part by part: each is true by itself, and a copy that broke off is sent
//! again from the old cursor. What must agree with the cursor and with itself (stock, reservations,
//! settings) waits in temporary tables and comes in one transaction with the cursor, table by table
//! and not row by row. Invariant: a figure is never half of one copy and half of another.

use oneshelf_domain::Timestamp;
use oneshelf_protocol::frame::{Applied, Cursor};
use oneshelf_protocol::replica::Row;
use sqlx::{Connection, SqliteConnection};

use super::text::to_json;
use super::{Fault, Writer, copy};

/// Rows of one part: some milliseconds of work.
pub(crate) const ROWS_AT_ONCE: usize = 64;

const TABLES: [&str; 6] = [
    "create temp table if not exists seen_item (no integer primary key)",
    "create temp table if not exists next_record (key text primary key, record text)",
    "create temp table if not exists next_stock
     (sku text primary key, balances text not null, short integer not null)",
    "create temp table if not exists next_reservation (id text primary key, reservation text)",
    "create temp table if not exists next_reservation_line
     (sku text not null, id text not null, primary key (sku, id))",
    "create temp table if not exists next_elsewhere (sku text primary key, figures text not null)",
];

const EMPTIED: [&str; 6] = [
    "delete from seen_item",
    "delete from next_record",
    "delete from next_stock",
    "delete from next_reservation",
    "delete from next_reservation_line",
    "delete from next_elsewhere",
];

const UNSEEN: [&str; 3] = [
    "delete from barcode where no not in (select no from seen_item)",
    "delete from item_words where rowid in
     (select no from item where no not in (select no from seen_item))",
    "delete from item where no not in (select no from seen_item)",
];

/// Only of a whole copy: what was there before is gone.
const BEFORE: [&str; 3] = ["delete from record", "delete from stock", "delete from reservation"];

const ADOPTED: [&str; 6] = [
    "delete from record where key in (select key from next_record)",
    "insert into record select key, record from next_record where record is not null",
    "insert or replace into stock select sku, balances, short from next_stock",
    "delete from reservation where id in (select id from next_reservation)",
    "insert into reservation
     select id, reservation from next_reservation where reservation is not null",
    "insert into reservation_line select sku, id from next_reservation_line
     where id in (select id from reservation)",
];

async fn all(db: &mut SqliteConnection, statements: &[&'static str]) -> Result<(), Fault> {
    for sql in statements {
        sqlx::query(*sql).execute(&mut *db).await?;
    }
    Ok(())
}

impl Writer {
    /// Begins a large copy. Answers whether there are no items yet, so that none is looked for.
    pub(crate) async fn begin_staging(&mut self) -> Result<bool, Fault> {
        all(&mut self.db, &TABLES).await?;
        all(&mut self.db, &EMPTIED).await?;
        let some: i64 = sqlx::query_scalar("select exists (select 1 from item)")
            .fetch_one(&mut self.db)
            .await?;
        Ok(some == 0)
    }

    /// One part of it.
    pub(crate) async fn stage(&mut self, rows: &[Row], empty: bool) -> Result<(), Fault> {
        let mut tx = self.db.begin().await?;
        for row in rows {
            stage_one(&mut tx, row, empty).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// After the last part: what depends on no cursor.
    pub(crate) async fn adopt_catalogue(&mut self, whole: bool) -> Result<(), Fault> {
        let mut tx = self.db.begin().await?;
        if whole {
            all(&mut tx, &UNSEEN).await?;
            all(&mut tx, &["delete from elsewhere"]).await?;
        }
        let elsewhere = "insert or replace into elsewhere select sku, figures from next_elsewhere";
        all(&mut tx, &[elsewhere]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The end: the copy is at its cursor.
    pub(crate) async fn adopt(
        &mut self,
        whole: bool,
        cursor: Cursor,
        applied: Applied,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut tx = self.db.begin().await?;
        if whole {
            all(&mut tx, &BEFORE).await?;
        }
        all(&mut tx, &ADOPTED).await?;
        copy::put_place(&mut tx, cursor, applied, now).await?;
        tx.commit().await?;
        all(&mut self.db, &EMPTIED).await
    }
}

async fn stage_one(db: &mut SqliteConnection, row: &Row, empty: bool) -> Result<(), Fault> {
    match row {
        Row::Item { item } => {
            copy::replace_item(db, item, empty).await?;
            sqlx::query("insert or ignore into seen_item (no) values (?)")
                .bind(item.no.0)
                .execute(db)
                .await?;
        }
        Row::Record { key, record } => {
            sqlx::query("insert or replace into next_record (key, record) values (?, ?)")
                .bind(key)
                .bind(record.as_ref().map(to_json).transpose()?)
                .execute(db)
                .await?;
        }
        Row::Stock { sku, balances, short } => {
            sqlx::query(
                "insert or replace into next_stock (sku, balances, short) values (?, ?, ?)",
            )
            .bind(sku.as_str())
            .bind(to_json(balances)?)
            .bind(short)
            .execute(db)
            .await?;
        }
        Row::Reservation { .. } | Row::Transfer { .. } => stage_claim(db, row).await?,
        Row::Elsewhere { sku, figures } => {
            sqlx::query("insert or replace into next_elsewhere (sku, figures) values (?, ?)")
                .bind(sku.as_str())
                .bind(to_json(figures)?)
                .execute(db)
                .await?;
        }
    }
    Ok(())
}

async fn stage_claim(db: &mut SqliteConnection, row: &Row) -> Result<(), Fault> {
    let Some((id, skus, open)) = copy::claim(row) else { return Ok(()) };
    sqlx::query("delete from next_reservation_line where id = ?")
        .bind(&id)
        .execute(&mut *db)
        .await?;
    sqlx::query("insert or replace into next_reservation (id, reservation) values (?, ?)")
        .bind(&id)
        .bind(open.then(|| to_json(row)).transpose()?)
        .execute(&mut *db)
        .await?;
    for sku in skus.into_iter().filter(|_| open) {
        sqlx::query("insert or ignore into next_reservation_line (sku, id) values (?, ?)")
            .bind(sku.as_str())
            .bind(&id)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}
