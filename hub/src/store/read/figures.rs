//! Stock rows of some items at every location, for figures that people are shown.
//!
//! Read in one transaction with the version that they are true at.

use std::collections::BTreeMap;

use oneshelf_domain::Sku;
use oneshelf_domain::stock::{ItemNo, LocationNo, Place, Stock, Version};

use crate::store::{Store, StoreError, head};

/// The rows of one item.
#[derive(Debug)]
pub struct ItemStock {
    /// Which item.
    pub no: ItemNo,
    /// Its SKU.
    pub sku: Sku,
    /// By location.
    pub rows: BTreeMap<LocationNo, Stock>,
}

type Row = (i64, String, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

/// Available units and shares of items, at every location that has a row. Only what a public figure
/// needs.
///
/// # Errors
/// When the database does not answer.
pub async fn available(
    store: &Store,
    items: &[ItemNo],
) -> Result<(Version, Vec<ItemStock>), StoreError> {
    let mut tx = store.read().await?;
    let mut rows = tx.rows("b");
    for no in items {
        rows.row(|r| {
            r.int(no.0);
        });
    }
    let sql = "select i.no, i.sku, s.location, s.available, s.store_share, s.version \
               from {rows} join item i on i.no = r.c0 \
               left join stock s on s.item = i.no order by i.no";
    let found: Vec<Row> = tx.fetch(sql, rows).await?;
    let version = head(&mut tx).await?.head.version;
    tx.rollback().await?;
    let mut items: Vec<ItemStock> = vec![];
    for (no, sku, location, available, share, changed) in found {
        if items.last().is_none_or(|i| i.no.0 != no) {
            let sku = Sku::new(&sku).map_err(|_| StoreError::unreadable("item", &sku))?;
            items.push(ItemStock { no: ItemNo(no), sku, rows: BTreeMap::new() });
        }
        if let (Some(item), Some(location)) = (items.last_mut(), location) {
            let mut stock = Stock { version: Version(changed.unwrap_or(0)), ..Stock::default() };
            stock.balances[Place::Available.index()] = available.unwrap_or(0);
            stock.balances[Place::StoreShare.index()] = share.unwrap_or(0);
            item.rows.insert(LocationNo(location), stock);
        }
    }
    Ok((version, items))
}
