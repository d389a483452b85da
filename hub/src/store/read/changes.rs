//! Stock rows that changed, for those who follow live.
//!
//! It knows no subscriber. Invariant: all pages of one [`Changes`] are read in one transaction,
//! and together they are every row whose last change lies behind `after`, up to `upto`.

use std::collections::BTreeSet;

use oneshelf_domain::stock::{ItemNo, LocationNo, Stock, StockKey, Version};

use crate::store::{Store, StoreError, Tx, head, on};

/// Rows of a page.
const PAGE_ROWS: i64 = 2_000;

/// A walk through the stock rows that changed.
#[derive(Debug)]
pub struct Changes {
    /// Everything up to here is in the walk.
    pub upto: Version,
    /// The hub's epoch.
    pub epoch: i64,
    at: (i64, i64, i64),
}

impl Changes {
    /// Begins behind a version; the transaction must stay the same until the last page.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open(tx: &mut Tx, after: Version) -> Result<Self, StoreError> {
        let head = head(tx).await?.head;
        // Numbers of items are positive, so this is behind all rows of that version.
        let at = (after.0, i64::MAX, i64::MAX);
        Ok(Self { upto: head.version, epoch: head.epoch, at })
    }

    /// The next rows; an empty page is the end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn page(&mut self, tx: &mut Tx) -> Result<Vec<(StockKey, Stock)>, StoreError> {
        let sql = "select * from stock where (version, item, location) > ($1, $2, $3)
            order by version, item, location limit $4";
        let rows: Vec<StockColumns> = on!(tx, conn => sqlx::query_as(sql)
            .bind(self.at.0).bind(self.at.1).bind(self.at.2).bind(PAGE_ROWS)
            .fetch_all(conn).await)?;
        if let Some(last) = rows.last() {
            self.at = (last.version, last.item, last.location);
        }
        Ok(rows.iter().map(|row| (row.key(), row.stock())).collect())
    }
}

/// Items whose stock changed anywhere in (after, upto], and not again since; at most so many.
///
/// # Errors
/// When the database does not answer.
pub async fn items_changed(
    store: &Store,
    after: i64,
    upto: i64,
    items_max: usize,
) -> Result<BTreeSet<ItemNo>, StoreError> {
    let sql = "select distinct item from stock where version > $1 and version <= $2 limit $3";
    let limit = i64::try_from(items_max).unwrap_or(i64::MAX);
    let mut tx = store.read().await?;
    let items: Vec<i64> = on!(&mut tx, conn => sqlx::query_scalar(sql)
        .bind(after).bind(upto).bind(limit).fetch_all(conn).await)?;
    tx.rollback().await?;
    Ok(items.into_iter().map(ItemNo).collect())
}

/// A stock row, column by column.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct StockColumns {
    item: i64,
    location: i64,
    available: i64,
    store_share: i64,
    reserved: i64,
    picked: i64,
    quality_control: i64,
    damaged: i64,
    in_doubt: i64,
    supplier: i64,
    customer: i64,
    adjustment: i64,
    scrap: i64,
    discrepancy: i64,
    short: i64,
    version: i64,
}

impl StockColumns {
    pub(super) fn key(&self) -> StockKey {
        StockKey { item: ItemNo(self.item), location: LocationNo(self.location) }
    }

    /// The balances in the order of `Place::ALL`.
    pub(super) fn stock(&self) -> Stock {
        let balances = [
            self.available,
            self.store_share,
            self.reserved,
            self.picked,
            self.quality_control,
            self.damaged,
            self.in_doubt,
            self.supplier,
            self.customer,
            self.adjustment,
            self.scrap,
            self.discrepancy,
        ];
        Stock { balances, short: self.short, version: Version(self.version) }
    }
}
