//! From the rows of a chunk to the commands that they stand for, with what they find in the tables.
//!
//! Invariant: a row of an item changes the item only as it was read here, and an item is read once
//! in a chunk: a second row of it begins with what the first one left.

use std::collections::{HashMap, HashSet};

use oneshelf_domain::item::Item;
use oneshelf_domain::record::Records;
use oneshelf_domain::stock::{Command, ItemNo, Versions};
use oneshelf_domain::{ImportId, Refusal, Sku};

use super::columns::{Kind, Layout};
use super::rows::{Cells, Wrong};
use super::{items as item_rows, rows};
use crate::app::App;
use crate::store::StoreError;
use crate::store::imports::ErrorRow;
use crate::store::read::items;

/// A row as it is staged: its place in the file, its cells as JSON.
pub(super) type Staged = (i64, String);

/// A command with its row.
pub(super) struct Due {
    pub row: Staged,
    pub command: Command,
}

/// What a chunk comes to.
#[derive(Default)]
pub(super) struct Chunk {
    pub due: Vec<Due>,
    pub errors: Vec<ErrorRow>,
}

impl Chunk {
    fn take(&mut self, row: Staged, decided: Result<Option<Command>, Wrong>) {
        match decided {
            Ok(command) => self.due.extend(command.map(|command| Due { row, command })),
            Err(wrong) => self.errors.push(wrong.at(row.0, &row.1)),
        }
    }
}

/// The rows before the second one of an item.
pub(super) fn once_each(kind: Kind, layout: &Layout, mut staged: Vec<Staged>) -> Vec<Staged> {
    if kind != Kind::Items {
        return staged;
    }
    let mut seen = HashSet::new();
    let second = staged.iter().position(|(_, cells)| {
        let cells = serde_json::from_str::<Vec<String>>(cells).ok();
        let sku = cells.and_then(|cells| rows::sku(&layout.cells(kind, &cells)).ok());
        sku.is_some_and(|sku| !seen.insert(sku))
    });
    staged.truncate(second.unwrap_or(staged.len()));
    staged
}

/// Reads staged rows and what they name.
pub(super) async fn decide(
    app: &App,
    id: ImportId,
    kind: Kind,
    layout: &Layout,
    staged: Vec<Staged>,
) -> Result<Chunk, StoreError> {
    let mut chunk = Chunk::default();
    let mut read: Vec<(Staged, Cells)> = vec![];
    for row in staged {
        match serde_json::from_str::<Vec<String>>(&row.1) {
            Ok(cells) => read.push((row, layout.cells(kind, &cells))),
            Err(_) => {
                let wrong = Wrong::new("columns", "this row cannot be read");
                chunk.take(row, Err(wrong));
            }
        }
    }
    let records = app.seen().records.clone();
    match kind {
        Kind::Items => of_items(app, &records, layout, read, &mut chunk).await?,
        Kind::Prices => of_prices(app, &records, layout, read, &mut chunk).await?,
        Kind::Stock => of_stock(app, id, &records, read, &mut chunk).await?,
    }
    Ok(chunk)
}

fn skus(read: &[(Staged, Cells)]) -> Vec<Sku> {
    read.iter().filter_map(|(_, cells)| rows::sku(cells).ok()).collect()
}

async fn known(app: &App, skus: &[Sku]) -> Result<HashMap<Sku, Item>, StoreError> {
    let mut tx = app.store.read().await?;
    let found = items::by_sku(&mut tx, skus).await?;
    tx.rollback().await?;
    Ok(found.into_iter().map(|item| (item.sku.clone(), item)).collect())
}

async fn of_items(
    app: &App,
    records: &Records,
    layout: &Layout,
    read: Vec<(Staged, Cells)>,
    chunk: &mut Chunk,
) -> Result<(), StoreError> {
    let found = known(app, &skus(&read)).await?;
    for (row, cells) in read {
        let decided = rows::sku(&cells).and_then(|sku| {
            let item = found.get(&sku);
            let before = item.map(|item| &item.details);
            let details = item_rows::item(&cells, records, layout.decimal, before)?;
            let same = before == Some(&details);
            // What the file has no column for is as it was read: it must be so still.
            let (at, not_at) = match item {
                Some(item) => (Some(Versions::These(vec![item.version])), None),
                None => (None, Some(Versions::Any)),
            };
            let change = Box::new(Command::PutItem { sku, details });
            Ok((!same).then_some(Command::OnlyIf { at, not_at, change }))
        });
        chunk.take(row, decided);
    }
    Ok(())
}

async fn of_prices(
    app: &App,
    records: &Records,
    layout: &Layout,
    read: Vec<(Staged, Cells)>,
    chunk: &mut Chunk,
) -> Result<(), StoreError> {
    let found = known(app, &skus(&read)).await?;
    let (now, office) = (app.now(), records.zone_of(None));
    let mut changed = HashSet::new();
    for (row, cells) in read {
        let decided = rows::sku(&cells).and_then(|sku| {
            let price = rows::price(&cells, records, layout.decimal)?;
            let item = found
                .get(&sku)
                .ok_or_else(|| Wrong::from(&Refusal::ItemUnknown { sku: sku.to_string() }))?;
            if !changed.contains(&sku) && price.is_idle(item, item.has_dated_price(now, office)) {
                return Ok(None);
            }
            changed.insert(sku.clone());
            Ok(Some(price.command(sku)))
        });
        chunk.take(row, decided);
    }
    Ok(())
}

async fn of_stock(
    app: &App,
    id: ImportId,
    records: &Records,
    read: Vec<(Staged, Cells)>,
    chunk: &mut Chunk,
) -> Result<(), StoreError> {
    let skus = skus(&read);
    let found = app.items.of(&app.store, &skus).await?;
    let numbers: HashMap<Sku, Option<ItemNo>> = skus.into_iter().zip(found).collect();
    let import = id.to_string();
    for (row, cells) in read {
        let number = |sku: &Sku| numbers.get(sku).copied().flatten();
        let decided = rows::stock(&cells, records, number);
        chunk.take(row, decided.map(|stock| stock.command(&import)));
    }
    Ok(())
}
