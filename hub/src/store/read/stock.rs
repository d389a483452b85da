//! Stock rows as they are now, and as they were at a version.
//!
//! It knows rows, no promise. Invariant: what one call reads is of one transaction's moment.

use oneshelf_domain::Sku;
use oneshelf_domain::stock::{ItemNo, LocationNo, Place, Stock, StockKey, Version};

use super::changes::StockColumns;
use crate::store::{StoreError, Tx, on};

/// All stock rows of these items.
///
/// # Errors
/// When the database does not answer.
pub async fn of_items(tx: &mut Tx, items: &[ItemNo]) -> Result<Vec<(StockKey, Stock)>, StoreError> {
    let mut rows = tx.rows("b");
    for item in items {
        rows.row(|r| {
            r.int(item.0);
        });
    }
    let sql = "select s.* from {rows} join stock s on s.item = r.c0 order by s.item, s.location";
    let found: Vec<StockColumns> = tx.fetch(sql, rows).await?;
    Ok(found.iter().map(|row| (row.key(), row.stock())).collect())
}

#[derive(sqlx::FromRow)]
struct Named {
    sku: String,
    #[sqlx(flatten)]
    columns: StockColumns,
}

fn named(row: Named) -> Result<(ItemNo, Sku, Stock), StoreError> {
    let sku = Sku::new(&row.sku).map_err(|e| StoreError::unreadable("item", e))?;
    Ok((row.columns.key().item, sku, row.columns.stock()))
}

/// A page of a location's stock, in the order of SKUs, behind one of them.
///
/// # Errors
/// When the database does not answer.
pub async fn at_location(
    tx: &mut Tx,
    location: LocationNo,
    after: &str,
    limit: i64,
) -> Result<Vec<(ItemNo, Sku, Stock)>, StoreError> {
    let sql = "select i.sku, s.* from stock s join item i on i.no = s.item
        where s.location = $1 and i.sku > $2 order by i.sku limit $3";
    let found: Vec<Named> = on!(tx, conn => sqlx::query_as(sql)
        .bind(location.0).bind(after).bind(limit).fetch_all(conn).await)?;
    found.into_iter().map(named).collect()
}

/// A page of a location's stock behind an item, in the order of items' numbers: an index has it,
/// however much stock there is.
///
/// # Errors
/// When the database does not answer.
pub async fn page(
    tx: &mut Tx,
    location: LocationNo,
    after: ItemNo,
    limit: i64,
) -> Result<Vec<(ItemNo, Sku, Stock)>, StoreError> {
    let sql = "select i.sku, s.* from stock s join item i on i.no = s.item
        where s.location = $1 and s.item > $2 order by s.item limit $3";
    let found: Vec<Named> = on!(tx, conn => sqlx::query_as(sql)
        .bind(location.0).bind(after.0).bind(limit).fetch_all(conn).await)?;
    found.into_iter().map(named).collect()
}

/// The balances of a stock row as they were at a version, one look-up a place.
///
/// # Errors
/// When the database does not answer.
pub async fn balances_at(
    tx: &mut Tx,
    key: StockKey,
    version: Version,
) -> Result<[i64; 12], StoreError> {
    let sql = "select case when to_location = $2 and to_place = $3 then to_after
              else from_after end
        from movement
        where item = $1 and version <= $4
          and ((to_location = $2 and to_place = $3) or (from_location = $2 and from_place = $3))
        order by version desc, line desc limit 1";
    let mut balances = [0; 12];
    for place in Place::ALL {
        let found: Option<i64> = on!(&mut *tx, conn => sqlx::query_scalar(sql)
            .bind(key.item.0).bind(key.location.0).bind(place.name()).bind(version.0)
            .fetch_optional(conn).await)?;
        balances[place.index()] = found.unwrap_or(0);
    }
    Ok(balances)
}

/// Units that reservations held of a stock row at a version, as their movements say.
///
/// # Errors
/// When the database does not answer.
pub async fn held_at(
    tx: &mut Tx,
    key: StockKey,
    version: Version,
    limit: i64,
) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = "select reservation, held from (
          select reservation, cast(
              sum(case when to_location = $2 and to_place in ('reserved', 'picked')
                  then quantity else 0 end)
            - sum(case when from_location = $2 and from_place in ('reserved', 'picked')
                  then quantity else 0 end) as bigint) as held
          from movement
          where item = $1 and version <= $3 and reservation is not null
          group by reservation) h
        where held > 0 order by reservation limit $4";
    Ok(on!(tx, conn => sqlx::query_as(sql)
        .bind(key.item.0).bind(key.location.0).bind(version.0).bind(limit)
        .fetch_all(conn).await)?)
}
