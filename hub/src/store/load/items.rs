//! Loads items by SKU and by number, and who has a barcode.

use oneshelf_domain::item::{Item, ItemDetails};
use oneshelf_domain::stock::{ItemNo, Key, State, Version};
use oneshelf_domain::{Barcode, Sku};

use super::{CHUNK_ROWS, Kinds, parse};
use crate::store::{StoreError, Tx};

pub(super) async fn load(tx: &mut Tx, state: &mut State, kinds: &Kinds) -> Result<(), StoreError> {
    for chunk in kinds.skus.chunks(CHUNK_ROWS) {
        by_sku(tx, state, chunk).await?;
    }
    for chunk in kinds.items.chunks(CHUNK_ROWS) {
        by_number(tx, state, chunk).await?;
    }
    for chunk in kinds.barcodes.chunks(CHUNK_ROWS) {
        barcodes(tx, state, chunk).await?;
    }
    Ok(())
}

type Columns = (i64, String, String, String, i64);

fn put(state: &mut State, (no, sku, details, prices, version): Columns) -> Result<(), StoreError> {
    let sku: Sku = parse("item", &sku)?;
    if state.has(&Key::Item(sku.clone())) {
        return Ok(());
    }
    let details: ItemDetails =
        serde_json::from_str(&details).map_err(|e| StoreError::unreadable("item", e))?;
    let prices = serde_json::from_str(&prices).map_err(|e| StoreError::unreadable("item", e))?;
    let version = Version(version);
    let item = Item { no: ItemNo(no), sku: sku.clone(), details, prices, version };
    state.put_item(sku, Some(item));
    Ok(())
}

async fn by_sku(tx: &mut Tx, state: &mut State, skus: &[Sku]) -> Result<(), StoreError> {
    let mut rows = tx.rows("t");
    for sku in skus {
        rows.row(|r| {
            r.text(sku.as_str());
        });
    }
    let found: Vec<Columns> = tx
        .fetch(
            "select i.no, i.sku, i.details, i.prices, i.version \
             from {rows} join item i on i.sku = r.c0",
            rows,
        )
        .await?;
    for columns in found {
        put(state, columns)?;
    }
    for sku in skus {
        if !state.has(&Key::Item(sku.clone())) {
            state.put_item(sku.clone(), None);
        }
    }
    Ok(())
}

async fn by_number(tx: &mut Tx, state: &mut State, numbers: &[ItemNo]) -> Result<(), StoreError> {
    let mut rows = tx.rows("b");
    for no in numbers {
        rows.row(|r| {
            r.int(no.0);
        });
    }
    let found: Vec<Columns> = tx
        .fetch(
            "select i.no, i.sku, i.details, i.prices, i.version \
             from {rows} join item i on i.no = r.c0",
            rows,
        )
        .await?;
    for columns in found {
        put(state, columns)?;
    }
    for no in numbers {
        if !state.has(&Key::ItemNo(*no)) {
            state.put_no_item(*no);
        }
    }
    Ok(())
}

async fn barcodes(tx: &mut Tx, state: &mut State, codes: &[Barcode]) -> Result<(), StoreError> {
    let mut rows = tx.rows("t");
    for code in codes {
        rows.row(|r| {
            r.text(code.as_str());
        });
    }
    let found: Vec<(String, i64)> =
        tx.fetch("select b.code, b.item from {rows} join barcode b on b.code = r.c0", rows).await?;
    for (code, item) in found {
        let code: Barcode = parse("barcode", &code)?;
        if !state.has(&Key::Barcode(code.clone())) {
            state.put_barcode(code, Some(ItemNo(item)));
        }
    }
    for code in codes {
        if !state.has(&Key::Barcode(code.clone())) {
            state.put_barcode(code.clone(), None);
        }
    }
    Ok(())
}
