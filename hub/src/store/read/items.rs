//! Items as they are now: by SKU, by number, by search text.
//!
//! It knows rows, no audience. Pages run by SKU, so that a page never shows an item twice.

use std::collections::BTreeMap;

use oneshelf_domain::item::{Item, ItemDetails};
use oneshelf_domain::stock::{ItemNo, Version};
use oneshelf_domain::{Barcode, Sku};

use crate::store::search::folded;
use crate::store::{StoreError, Tx, on};

/// Words of one search; more say nothing more.
const WORDS_MAX: usize = 6;

type Columns = (i64, String, String, String, i64);

fn item((no, sku, details, prices, version): Columns) -> Result<Item, StoreError> {
    let sku = Sku::new(&sku).map_err(|e| StoreError::unreadable("item", e))?;
    let details: ItemDetails =
        serde_json::from_str(&details).map_err(|e| StoreError::unreadable("item", e))?;
    let prices = serde_json::from_str(&prices).map_err(|e| StoreError::unreadable("item", e))?;
    Ok(Item { no: ItemNo(no), sku, details, prices, version: Version(version) })
}

/// The items of these SKUs, as far as there are any.
///
/// # Errors
/// When the database does not answer.
pub async fn by_sku(tx: &mut Tx, skus: &[Sku]) -> Result<Vec<Item>, StoreError> {
    let mut rows = tx.rows("t");
    for sku in skus {
        rows.row(|r| {
            r.text(sku.as_str());
        });
    }
    let sql = "select i.no, i.sku, i.details, i.prices, i.version
        from {rows} join item i on i.sku = r.c0";
    let found: Vec<Columns> = tx.fetch(sql, rows).await?;
    found.into_iter().map(item).collect()
}

/// SKUs and names of these numbers, as far as there are any.
///
/// # Errors
/// When the database does not answer.
pub async fn named(
    tx: &mut Tx,
    numbers: &[ItemNo],
) -> Result<BTreeMap<ItemNo, (Sku, String)>, StoreError> {
    if numbers.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut rows = tx.rows("b");
    for no in numbers {
        rows.row(|r| {
            r.int(no.0);
        });
    }
    let sql = "select i.no, i.sku, i.details, i.prices, i.version
        from {rows} join item i on i.no = r.c0";
    let found: Vec<Columns> = tx.fetch(sql, rows).await?;
    let both = |columns| item(columns).map(|item| (item.no, (item.sku, item.details.name)));
    found.into_iter().map(both).collect()
}

/// An item that is sold with this tax class, when there is one.
///
/// # Errors
/// When the database does not answer.
pub async fn taxed(tx: &mut Tx, class: &str) -> Result<Option<String>, StoreError> {
    // Its field as it stands in the JSON: a quote inside another text has a backslash before it.
    let class = serde_json::Value::from(class);
    let sql = "select sku from item where state = 'active' and replace(details, $1, '') <> details
        order by sku limit 1";
    Ok(on!(tx, conn => sqlx::query_scalar(sql)
        .bind(format!("\"tax\":{class}")).fetch_optional(conn).await)?)
}

/// Numbers of items that are sold, in their order, behind this one.
///
/// # Errors
/// When the database does not answer.
pub async fn active_after(
    tx: &mut Tx,
    after: ItemNo,
    limit: usize,
) -> Result<Vec<ItemNo>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = "select no from item where no > $1 and state = 'active' order by no limit $2";
    let found: Vec<i64> = on!(tx, conn => sqlx::query_scalar(sql)
        .bind(after.0).bind(limit).fetch_all(conn).await)?;
    Ok(found.into_iter().map(ItemNo).collect())
}

/// The owner of a barcode.
///
/// # Errors
/// When the database does not answer.
pub async fn by_barcode(tx: &mut Tx, code: &Barcode) -> Result<Option<Item>, StoreError> {
    let sql = "select i.no, i.sku, i.details, i.prices, i.version
        from barcode b join item i on i.no = b.item where b.code = $1";
    let found: Option<Columns> = on!(tx, conn => sqlx::query_as(sql)
        .bind(code.as_str()).fetch_optional(conn).await)?;
    found.map(item).transpose()
}

/// A page of all items behind a SKU, in the order of SKUs.
///
/// # Errors
/// When the database does not answer.
pub async fn page(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Item>, StoreError> {
    let sql = "select no, sku, details, prices, version from item
        where sku > $1 order by sku limit $2";
    let found: Vec<Columns> = on!(tx, conn => sqlx::query_as(sql)
        .bind(after).bind(limit).fetch_all(conn).await)?;
    found.into_iter().map(item).collect()
}

/// Which items a list shows.
#[derive(Debug, Clone)]
pub struct Search<'a> {
    /// Every word must appear; empty finds all.
    pub text: &'a str,
    /// Leaves out what is not sold: retired items, and those without any price.
    pub for_sale: bool,
    /// Begins behind this SKU.
    pub after: &'a str,
    /// Rows of the page.
    pub limit: i64,
}

/// A page of items in the order of their SKUs.
///
/// # Errors
/// When the database does not answer.
pub async fn search(tx: &mut Tx, wanted: &Search<'_>) -> Result<Vec<Item>, StoreError> {
    let folded = folded(wanted.text);
    let mut words: Vec<String> = folded
        .split(' ')
        .filter(|w| !w.is_empty())
        .take(WORDS_MAX)
        .map(|w| format!("%{w}%"))
        .collect();
    // Inside a text of the JSON the quotes would be escaped, so only the field itself is found.
    // A pattern that finds everything stands for each word that was not given.
    words.resize(WORDS_MAX, "%".to_owned());
    let sql = "select no, sku, details, prices, version from item
        where sku > $1 and ($2 = 0 or (state = 'active'
            and (details not like '%\"price\":null%' or prices <> '[]')))
          and search like $3 and search like $4 and search like $5
          and search like $6 and search like $7 and search like $8
        order by sku limit $9";
    let found: Vec<Columns> = on!(tx, conn => sqlx::query_as(sql)
        .bind(wanted.after).bind(i64::from(wanted.for_sale))
        .bind(&words[0]).bind(&words[1]).bind(&words[2])
        .bind(&words[3]).bind(&words[4]).bind(&words[5])
        .bind(wanted.limit).fetch_all(conn).await)?;
    found.into_iter().map(item).collect()
}
