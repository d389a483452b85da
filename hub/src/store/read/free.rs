//! Rows of a location that its store's share may have to follow: units are free, or some are owed.
//! For the link, which tops shares up and recalls them. It knows no policy.

use oneshelf_domain::Sku;
use oneshelf_domain::stock::{ItemNo, LocationNo, Place, Stock};

use crate::store::{Store, StoreError, on};

/// Rows of a page.
const PAGE_ROWS: i64 = 500;

/// An item with free or owed units.
#[derive(Debug)]
pub struct Free {
    /// Which.
    pub item: ItemNo,
    /// Its SKU.
    pub sku: Sku,
    /// Free units, the store's share, and what is owed; the other places are left out.
    pub stock: Stock,
}

/// The next items behind one, by number; none at the end.
///
/// # Errors
/// When the database does not answer.
pub async fn page(
    store: &Store,
    location: LocationNo,
    behind: ItemNo,
) -> Result<Vec<Free>, StoreError> {
    let sql = "select s.item, i.sku, s.available, s.store_share, s.discrepancy, s.short
        from stock s join item i on i.no = s.item
        where s.location = $1 and s.item > $2
            and (s.available > 0 or s.store_share > 0 or s.short > 0 or s.discrepancy < 0)
        order by s.item limit $3";
    let mut tx = store.read().await?;
    let found: Vec<(i64, String, i64, i64, i64, i64)> = on!(&mut tx, conn => sqlx::query_as(sql)
        .bind(location.0).bind(behind.0).bind(PAGE_ROWS).fetch_all(conn).await)?;
    tx.rollback().await?;
    found
        .into_iter()
        .map(|(item, sku, available, share, discrepancy, short)| {
            let sku = Sku::new(&sku).map_err(|_| StoreError::unreadable("item", &sku))?;
            let mut stock = Stock { short, ..Stock::default() };
            stock.balances[Place::Available.index()] = available;
            stock.balances[Place::StoreShare.index()] = share;
            stock.balances[Place::Discrepancy.index()] = discrepancy;
            Ok(Free { item: ItemNo(item), sku, stock })
        })
        .collect()
}
