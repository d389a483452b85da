//! Barcodes: each belongs to the item that names it, and the other way round.

use std::collections::BTreeMap;

use oneshelf_domain::item::ItemDetails;

use super::{Invariant, Walk};
use crate::store::StoreError;
use crate::store::audit as rows;

pub(super) async fn check(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    by_item(walk).await?;
    by_code(walk).await
}

fn codes(details: &str) -> Result<Vec<String>, String> {
    let details: ItemDetails = serde_json::from_str(details).map_err(|e| e.to_string())?;
    Ok(details.barcodes.iter().map(ToString::to_string).collect())
}

async fn by_item(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let mut after = 0;
    let mut seen = 0;
    loop {
        let mut tx = walk.store.read().await?;
        let page = rows::items(&mut tx, after).await?;
        let Some(last) = page.last() else { return tx.rollback().await };
        after = last.no;
        let mut named = vec![];
        for item in &page {
            match codes(&item.details) {
                Ok(codes) => named.extend(codes.into_iter().map(|code| (code, item))),
                Err(why) => {
                    walk.broken(Invariant::BarcodesMatchItems, item.sku.as_str(), why);
                }
            }
        }
        let wanted: Vec<String> = named.iter().map(|(code, _)| code.clone()).collect();
        let owners: BTreeMap<String, i64> =
            rows::owners_of(&mut tx, &wanted).await?.into_iter().collect();
        tx.rollback().await?;
        seen += page.len() as u64;
        walk.checked(Invariant::BarcodesMatchItems, named.len());
        for (code, item) in named {
            let owner = owners.get(&code).copied();
            if owner != Some(item.no) {
                let owner = owner.map_or("no item".to_owned(), |no| format!("item {no}"));
                let detail = format!("{} names it, and it belongs to {owner}", item.sku);
                walk.broken(Invariant::BarcodesMatchItems, code, detail);
            }
        }
        walk.told("items", seen);
    }
}

async fn by_code(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let mut tx = walk.store.read().await?;
        let page = rows::barcodes(&mut tx, &after).await?;
        tx.rollback().await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.code);
        walk.checked(Invariant::BarcodesMatchItems, page.len());
        for line in page {
            let named = line.details.as_deref().map(codes);
            if !matches!(named, Some(Ok(codes)) if codes.contains(&line.code)) {
                let detail = format!("item {} does not name it", line.item);
                walk.broken(Invariant::BarcodesMatchItems, line.code, detail);
            }
        }
    }
}
