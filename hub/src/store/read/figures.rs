//! Stock rows of some items at every location, for figures that people are shown.
//!
//! Read in one transaction with the version that they are true at.

use std::collections::{BTreeMap, BTreeSet};

use oneshelf_domain::Sku;
use oneshelf_domain::record::Records;
use oneshelf_domain::stock::{ItemNo, LocationNo, Place, Stock, StockKey, Version};

use crate::store::{Store, StoreError, head};

/// The rows of one item.
#[derive(Debug)]
pub struct ItemStock {
    /// Which item.
    pub no: ItemNo,
    /// Its SKU.
    pub sku: Sku,
    /// By location: its own, and those of its parts where it is a kit.
    pub rows: BTreeMap<StockKey, Stock>,
}

impl ItemStock {
    /// The row of the item or of a part of it.
    pub fn row(&self, key: StockKey) -> Stock {
        self.rows.get(&key).copied().unwrap_or_default()
    }
}

type Row = (i64, String, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

/// Available units and shares of items, at every location that has a row, with those of a kit's
/// parts. Only what a public figure needs. A kit that has changed since these records has none of
/// its new parts: it counts for nothing until it is read again.
///
/// # Errors
/// When the database does not answer.
pub async fn available(
    store: &Store,
    records: &Records,
    wanted: &[ItemNo],
) -> Result<(Version, Vec<ItemStock>), StoreError> {
    let mut tx = store.read().await?;
    let mut rows = tx.rows("b");
    for no in with_parts(records, wanted) {
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
            let key = StockKey { item: item.no, location: LocationNo(location) };
            item.rows.insert(key, stock);
        }
    }
    Ok((version, asked(records, wanted, items, |i| (i.no, &mut i.rows))))
}

/// Items and the parts of the kits among them, each once.
pub fn with_parts(records: &Records, items: &[ItemNo]) -> BTreeSet<ItemNo> {
    let kits = items.iter().filter_map(|no| records.kit(*no));
    let parts = kits.flat_map(|kit| &kit.parts).map(|part| part.item);
    items.iter().copied().chain(parts).collect()
}

/// Those that were asked for, each kit with the rows of its parts beside its own.
pub fn asked<I, R: Copy>(
    records: &Records,
    wanted: &[ItemNo],
    mut read: Vec<I>,
    of: impl Fn(&mut I) -> (ItemNo, &mut BTreeMap<StockKey, R>),
) -> Vec<I> {
    if wanted.iter().all(|no| records.kit(*no).is_none()) {
        return read;
    }
    let mut own: BTreeMap<ItemNo, BTreeMap<StockKey, R>> = BTreeMap::new();
    for item in &mut read {
        let (no, rows) = of(item);
        own.insert(no, rows.clone());
    }
    let wanted: BTreeSet<ItemNo> = wanted.iter().copied().collect();
    read.retain_mut(|item| wanted.contains(&of(item).0));
    for item in &mut read {
        let (no, rows) = of(item);
        for part in records.kit(no).into_iter().flat_map(|kit| &kit.parts) {
            rows.extend(own.get(&part.item).into_iter().flatten().map(|(key, row)| (*key, *row)));
        }
    }
    read
}
