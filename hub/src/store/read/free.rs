//! Items of which a location has units that are free, with the share its store has: for the link,
//! which tops shares up. It knows no policy.

use oneshelf_domain::Sku;
use oneshelf_domain::stock::{ItemNo, LocationNo};

use crate::store::{Store, StoreError, on};

/// Rows of a page.
const PAGE_ROWS: i64 = 500;

/// An item with free units.
#[derive(Debug)]
pub struct Free {
    /// Which.
    pub item: ItemNo,
    /// Its SKU.
    pub sku: Sku,
    /// The store's share of it.
    pub share: i64,
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
    let sql = "select s.item, i.sku, s.store_share from stock s join item i on i.no = s.item
        where s.location = $1 and s.item > $2 and s.available > 0 order by s.item limit $3";
    let mut tx = store.read().await?;
    let found: Vec<(i64, String, i64)> = on!(&mut tx, conn => sqlx::query_as(sql)
        .bind(location.0).bind(behind.0).bind(PAGE_ROWS).fetch_all(conn).await)?;
    tx.rollback().await?;
    found
        .into_iter()
        .map(|(item, sku, share)| {
            let sku = Sku::new(&sku).map_err(|_| StoreError::unreadable("item", &sku))?;
            Ok(Free { item: ItemNo(item), sku, share })
        })
        .collect()
}
