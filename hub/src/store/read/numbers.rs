//! SKUs to numbers and back, many at once.
//!
//! Neither ever changes once it is there, so an answer stays true.

use oneshelf_domain::Sku;
use oneshelf_domain::stock::ItemNo;

use crate::store::{StoreError, Tx};

/// Numbers of the SKUs that exist.
///
/// # Errors
/// When the database does not answer.
pub async fn by_sku(tx: &mut Tx, skus: &[Sku]) -> Result<Vec<(Sku, ItemNo)>, StoreError> {
    let mut rows = tx.rows("t");
    for sku in skus {
        rows.row(|r| {
            r.text(sku.as_str());
        });
    }
    let sql = "select i.sku, i.no from {rows} join item i on i.sku = r.c0";
    pairs(tx.fetch(sql, rows).await?)
}

/// SKUs of the numbers that exist.
///
/// # Errors
/// When the database does not answer.
pub async fn by_no(tx: &mut Tx, numbers: &[ItemNo]) -> Result<Vec<(Sku, ItemNo)>, StoreError> {
    let mut rows = tx.rows("b");
    for no in numbers {
        rows.row(|r| {
            r.int(no.0);
        });
    }
    let sql = "select i.sku, i.no from {rows} join item i on i.no = r.c0";
    pairs(tx.fetch(sql, rows).await?)
}

fn pairs(found: Vec<(String, i64)>) -> Result<Vec<(Sku, ItemNo)>, StoreError> {
    found
        .into_iter()
        .map(|(sku, no)| {
            let sku = Sku::new(&sku).map_err(|_| StoreError::unreadable("item", &sku))?;
            Ok((sku, ItemNo(no)))
        })
        .collect()
}
