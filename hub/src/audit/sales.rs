//! Sales: totals, units and receipt numbers.
//!
//! A sale whose document was found wrong when it came in carries a code for people to look at;
//! that is open work, not a broken table.

use std::collections::BTreeMap;

use oneshelf_domain::stock::SaleDocument;

use super::{Invariant, Walk};
use crate::store::StoreError;
use crate::store::audit::{self as rows, SaleLine};

pub(super) async fn check(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let last = documents(walk).await?;
    sold_without_sale(walk, last).await?;
    numbers(walk).await
}

/// Gives the version of the last sale.
async fn documents(walk: &mut Walk<'_>) -> Result<i64, StoreError> {
    let mut after = 0;
    let mut seen = 0;
    loop {
        let mut tx = walk.store.read().await?;
        let page = rows::sales(&mut tx, after, walk.upto).await?;
        let Some(last) = page.last() else {
            tx.rollback().await?;
            return Ok(after);
        };
        let mut units: BTreeMap<i64, BTreeMap<i64, i64>> = BTreeMap::new();
        for sold in rows::sold(&mut tx, after, last.version).await? {
            units.entry(sold.version).or_default().insert(sold.item, sold.units);
        }
        tx.rollback().await?;
        after = last.version;
        seen += page.len() as u64;
        for invariant in [Invariant::SalesMatchTenders, Invariant::SaleUnitsMatchMovements] {
            walk.checked(invariant, page.len());
        }
        for sale in page {
            let moved = units.remove(&sale.version).unwrap_or_default();
            one(walk, &sale, &moved);
        }
        units.into_keys().for_each(|version| lost(walk, version));
        walk.told("sales", seen);
    }
}

/// Behind the last sale no register sold anything.
async fn sold_without_sale(walk: &mut Walk<'_>, last: i64) -> Result<(), StoreError> {
    let mut after = last;
    loop {
        let mut tx = walk.store.read().await?;
        let page = rows::sold_later(&mut tx, after, walk.upto).await?;
        tx.rollback().await?;
        let Some(newest) = page.last() else { return Ok(()) };
        after = *newest;
        page.into_iter().for_each(|version| lost(walk, version));
    }
}

/// Units that a register sold, without the sale.
fn lost(walk: &mut Walk<'_>, version: i64) {
    let detail = "a register sold units, and the sale is not there";
    walk.broken(Invariant::SaleUnitsMatchMovements, version.to_string(), detail.to_owned());
}

fn one(walk: &mut Walk<'_>, sale: &SaleLine, moved: &BTreeMap<i64, i64>) {
    let document: SaleDocument = match serde_json::from_str(&sale.document) {
        Ok(document) => document,
        Err(error) => {
            let detail = format!("the document cannot be read: {error}");
            walk.broken(Invariant::SalesMatchTenders, sale.receipt_number.as_str(), detail);
            return;
        }
    };
    if let Some(detail) = totals(sale, &document) {
        walk.broken(Invariant::SalesMatchTenders, sale.receipt_number.as_str(), detail);
    }
    let sold = document.units().into_iter().filter(|(_, units)| *units != 0);
    let sold: BTreeMap<i64, i128> = sold.map(|(item, units)| (item.0, units)).collect();
    let moved: BTreeMap<i64, i128> = moved.iter().map(|(no, n)| (*no, i128::from(*n))).collect();
    if sold != moved && sale.attention.is_none() {
        let detail = format!("sold {sold:?} by its lines and {moved:?} by movements");
        walk.broken(Invariant::SaleUnitsMatchMovements, sale.receipt_number.as_str(), detail);
    }
}

fn totals(sale: &SaleLine, document: &SaleDocument) -> Option<String> {
    if document.id.to_string() != sale.id
        || document.total_minor != sale.total
        || document.register != sale.register
        || document.number != sale.number
        || document.receipt_number != sale.receipt_number
    {
        return Some("the row and its document differ".to_owned());
    }
    let lines: i128 = document.lines.iter().map(|(_, _, _, total)| i128::from(*total)).sum();
    let given: i128 = document.tenders.iter().map(|t| i128::from(t.given_minor)).sum();
    let kept = given - i128::from(document.change_minor);
    let total = i128::from(sale.total);
    let wrong = lines != total || kept != total;
    (wrong && sale.attention.is_none())
        .then(|| format!("total {total}, lines {lines}, tenders less change {kept}"))
}

/// Two machines of one past, or one that forgot, give a number twice: both papers are out there.
async fn numbers(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let mut tx = walk.store.read().await?;
    let copied = rows::copied_stores(&mut tx).await?;
    tx.rollback().await?;
    let mut after = (String::new(), 0, 0);
    let mut register = String::new();
    let mut number = 0;
    loop {
        let mut tx = walk.store.read().await?;
        let page = rows::receipts(&mut tx, (after.0.as_str(), after.1, after.2), walk.upto).await?;
        tx.rollback().await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.0.clone(), last.1, last.2);
        walk.checked(Invariant::ReceiptNumbersGapless, page.len());
        for (at, found, _, text) in page {
            if at != register {
                register = at;
                number = 0;
            }
            if found == number {
                let detail = format!("number {found} was given twice");
                let store = register.split_once('-').map_or("", |(store, _)| store);
                if copied.iter().any(|code| code == store) {
                    let detail = format!("{detail}, after its agent was restored or copied");
                    walk.explained(Invariant::ReceiptNumbersGapless, register.as_str(), detail);
                } else {
                    walk.broken(Invariant::ReceiptNumbersGapless, register.as_str(), detail);
                }
            } else if found != number + 1 {
                let detail = format!("number {found} comes behind {number}");
                walk.broken(Invariant::ReceiptNumbersGapless, register.as_str(), detail);
            }
            if text != format!("{register}-{found:06}") {
                let detail = format!("number {found} is printed as {text}");
                walk.broken(Invariant::ReceiptNumbersGapless, register.as_str(), detail);
            }
            number = found;
        }
    }
}
