//! The copy of the hub's rows: each row as it is at the copy's cursor.
//!
//! A frame is stored in one transaction with its cursor, so that the copy is never half of one; a
//! large one as `staged` says.

use oneshelf_domain::item::Item;
use oneshelf_domain::stock::ReservationState;
use oneshelf_domain::{Sku, Timestamp};
use oneshelf_hardware::scanner::normalise_gtin;
use oneshelf_protocol::frame::{Applied, Cursor};
use oneshelf_protocol::replica::Row;
use sqlx::SqliteConnection;

use super::text::{parsed, to_json};
use super::{Fault, machine, search};

/// Where the copy is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub cursor: Cursor,
    pub applied: Applied,
}

pub(super) async fn place(db: &mut SqliteConnection) -> Result<Place, Fault> {
    let row: Option<(i64, i64, Option<String>, i64)> = sqlx::query_as(
        "select epoch, version, applied_incarnation, applied_seq from copy where one = 1",
    )
    .fetch_optional(db)
    .await?;
    let Some((epoch, version, incarnation, seq)) = row else {
        return Ok(Place::default());
    };
    let incarnation = incarnation.as_deref().map(parsed).transpose()?;
    Ok(Place { cursor: Cursor { epoch, version }, applied: Applied { incarnation, seq } })
}

pub(super) async fn store(
    db: &mut SqliteConnection,
    whole: bool,
    rows: &[Row],
    cursor: Cursor,
    applied: Applied,
    now: Timestamp,
) -> Result<(), Fault> {
    if whole {
        for table in [
            "delete from item",
            "delete from item_words",
            "delete from barcode",
            "delete from record",
            "delete from stock",
            "delete from reservation",
            "delete from elsewhere",
        ] {
            sqlx::query(table).execute(&mut *db).await?;
        }
    }
    for row in rows {
        put(db, row, whole).await?;
    }
    put_place(db, cursor, applied, now).await
}

/// Where the copy is now.
pub(super) async fn put_place(
    db: &mut SqliteConnection,
    cursor: Cursor,
    applied: Applied,
    now: Timestamp,
) -> Result<(), Fault> {
    let covered = machine::covered(db, applied).await?;
    sqlx::query(
        "insert into copy
         (one, epoch, version, applied_incarnation, applied_seq, applied_n, copied_at)
         values (1, ?, ?, ?, ?, ?, ?)
         on conflict (one) do update set epoch = excluded.epoch, version = excluded.version,
         applied_incarnation = excluded.applied_incarnation, applied_seq = excluded.applied_seq,
         applied_n = excluded.applied_n, copied_at = excluded.copied_at",
    )
    .bind(cursor.epoch)
    .bind(cursor.version)
    .bind(applied.incarnation.map(|i| i.to_string()))
    .bind(applied.seq)
    .bind(covered)
    .bind(now.0)
    .execute(db)
    .await?;
    Ok(())
}

/// `empty`: nothing was there before.
async fn put(db: &mut SqliteConnection, row: &Row, empty: bool) -> Result<(), Fault> {
    match row {
        Row::Item { item } => replace_item(db, item, empty).await,
        Row::Record { key, record: None } => {
            sqlx::query("delete from record where key = ?").bind(key).execute(db).await?;
            Ok(())
        }
        Row::Record { key, record: Some(record) } => {
            sqlx::query(
                "insert into record (key, record) values (?, ?)
                 on conflict (key) do update set record = excluded.record",
            )
            .bind(key)
            .bind(to_json(record)?)
            .execute(db)
            .await?;
            Ok(())
        }
        Row::Stock { sku, balances, short } => {
            sqlx::query(
                "insert into stock (sku, balances, short) values (?, ?, ?)
                 on conflict (sku) do update set balances = excluded.balances,
                 short = excluded.short",
            )
            .bind(sku.as_str())
            .bind(to_json(balances)?)
            .bind(short)
            .execute(db)
            .await?;
            Ok(())
        }
        Row::Reservation { .. } | Row::Transfer { .. } => put_claim(db, row).await,
        Row::Elsewhere { sku, figures } => {
            sqlx::query(
                "insert into elsewhere (sku, figures) values (?, ?)
                 on conflict (sku) do update set figures = excluded.figures",
            )
            .bind(sku.as_str())
            .bind(to_json(figures)?)
            .execute(db)
            .await?;
            Ok(())
        }
    }
}

/// Puts an item in the place of what was known of it.
pub(super) async fn replace_item(
    db: &mut SqliteConnection,
    item: &Item,
    empty: bool,
) -> Result<(), Fault> {
    if !empty {
        forget_item(db, item).await?;
    }
    put_item(db, item).await
}

async fn forget_item(db: &mut SqliteConnection, item: &Item) -> Result<(), Fault> {
    let no = item.no.0;
    for sql in ["delete from barcode where no = ?", "delete from item_words where rowid = ?"] {
        sqlx::query(sql).bind(no).execute(&mut *db).await?;
    }
    // A hub that was set up anew may number its items in another way.
    sqlx::query("delete from item where sku = ? and no <> ?")
        .bind(item.sku.as_str())
        .bind(no)
        .execute(&mut *db)
        .await?;
    Ok(())
}

async fn put_item(db: &mut SqliteConnection, item: &Item) -> Result<(), Fault> {
    let no = item.no.0;
    sqlx::query(
        "insert into item (no, sku, item) values (?, ?, ?)
         on conflict (no) do update set sku = excluded.sku, item = excluded.item",
    )
    .bind(no)
    .bind(item.sku.as_str())
    .bind(to_json(item)?)
    .execute(&mut *db)
    .await?;
    for code in &item.details.barcodes {
        let gtin = normalise_gtin(code.as_str(), None).unwrap_or_else(|| code.to_string());
        sqlx::query(
            "insert into barcode (code, gtin, no) values (?, ?, ?)
             on conflict (code) do update set gtin = excluded.gtin, no = excluded.no",
        )
        .bind(code.as_str())
        .bind(gtin)
        .bind(no)
        .execute(&mut *db)
        .await?;
    }
    sqlx::query("insert into item_words (rowid, words) values (?, ?)")
        .bind(no)
        .bind(search::words_of(item))
        .execute(&mut *db)
        .await?;
    Ok(())
}

/// A claim as a copy keeps it: its id, the items of which it holds units here, and whether it is
/// kept: ended ones hold nothing and explain nothing here, nor does what has left for elsewhere.
pub(super) fn claim(row: &Row) -> Option<(String, Vec<&Sku>, bool)> {
    let kept = |state: &str, here: bool| {
        let state = ReservationState::from_name(state);
        state.is_some_and(|s| s.is_open() && (here || s != ReservationState::InTransit))
    };
    match row {
        Row::Reservation { id, lines, state, .. } => {
            let skus = lines.iter().map(|(sku, _, _)| sku).collect();
            Some((id.to_string(), skus, kept(state, false)))
        }
        Row::Transfer { id, state, .. } => Some((id.to_string(), vec![], kept(state, true))),
        _ => None,
    }
}

async fn put_claim(db: &mut SqliteConnection, row: &Row) -> Result<(), Fault> {
    let Some((id, skus, kept)) = claim(row) else { return Ok(()) };
    sqlx::query("delete from reservation where id = ?").bind(&id).execute(&mut *db).await?;
    if !kept {
        return Ok(());
    }
    sqlx::query("insert into reservation (id, reservation) values (?, ?)")
        .bind(&id)
        .bind(to_json(row)?)
        .execute(&mut *db)
        .await?;
    for sku in skus {
        sqlx::query("insert into reservation_line (sku, id) values (?, ?) on conflict do nothing")
            .bind(sku.as_str())
            .bind(&id)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}
