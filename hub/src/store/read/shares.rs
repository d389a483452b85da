//! What stores own of items, for recalls. It knows no policy.

use std::collections::BTreeMap;

use oneshelf_domain::IncarnationId;
use oneshelf_domain::stock::{ItemNo, LocationNo, Place, Stock, StockKey};

use crate::store::{Store, StoreError};

/// A row of stock with the share of the life that speaks for its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owned {
    /// Free units.
    pub available: i64,
    /// Units of share, as heard.
    pub share: i64,
    /// Whose; none where no agent lives.
    pub incarnation: Option<IncarnationId>,
    /// Units that it ever gave back.
    pub returned: i64,
    /// Units that it was ever granted.
    pub granted: i64,
    /// Below zero: sold, though no bucket explains it.
    pub discrepancy: i64,
    /// Units that reservations lack.
    pub short: i64,
}

impl Owned {
    /// The row of stock, as far as it is known here.
    pub fn stock(&self) -> Stock {
        let mut stock = Stock { short: self.short, ..Stock::default() };
        stock.balances[Place::Available.index()] = self.available;
        stock.balances[Place::StoreShare.index()] = self.share;
        stock.balances[Place::Discrepancy.index()] = self.discrepancy;
        stock
    }
}

type Row = (i64, i64, i64, i64, i64, i64, Option<String>, Option<i64>, Option<i64>);

/// The rows that there are.
///
/// # Errors
/// When the database does not answer.
pub async fn of(store: &Store, keys: &[StockKey]) -> Result<BTreeMap<StockKey, Owned>, StoreError> {
    let mut tx = store.read().await?;
    let mut rows = tx.rows("bb");
    for key in keys {
        rows.row(|r| {
            r.int(key.item.0).int(key.location.0);
        });
    }
    // Of a store's lives the last one that is not retired speaks; the order makes it win.
    let sql = "select s.item, s.location, s.available, s.store_share, s.discrepancy, s.short, \
               h.incarnation, h.returned, h.granted \
               from {rows} join stock s on s.item = r.c0 and s.location = r.c1 \
               left join (share h join incarnation n on n.id = h.incarnation and n.retired = 0) \
               on h.item = s.item and h.location = s.location \
               order by s.item, s.location, n.created, n.id";
    let found: Vec<Row> = tx.fetch(sql, rows).await?;
    tx.rollback().await?;
    let mut all = BTreeMap::new();
    for (item, location, available, share, discrepancy, short, life, returned, granted) in found {
        let key = StockKey { item: ItemNo(item), location: LocationNo(location) };
        let incarnation = match life {
            Some(id) => Some(id.parse().map_err(|_| StoreError::unreadable("share", &id))?),
            None => None,
        };
        let [returned, granted] = [returned, granted].map(|units| units.unwrap_or(0));
        let owned = Owned { available, share, incarnation, returned, granted, discrepancy, short };
        all.insert(key, owned);
    }
    Ok(all)
}
