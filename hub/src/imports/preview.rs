//! The first rows of a file before it is taken in: where its columns go, what each row would do.
//!
//! It changes nothing. What only the write path finds out (another command in between, a barcode
//! that a row of the same file takes) shows when the file is taken in.

use std::collections::HashMap;

use oneshelf_domain::item::Item;
use oneshelf_domain::record::{DecimalMark, ImportMapping, Record, Records};
use oneshelf_domain::stock::{ItemNo, StockKey};
use oneshelf_domain::{Barcode, Refusal, Sku};
use tokio::sync::mpsc;

use super::columns::{Asked, Kind, Layout, Mapping, Unreadable, guess, same_columns, shown};
use super::file::{Reading, header};
use super::rows::{self, Cells, Wrong};
use super::split::Rows;
use super::{NotReceived, items as item_rows};
use crate::app::App;
use crate::csv::Style;
use crate::store::imports::ErrorRow;
use crate::store::read::{items, stock};
use crate::store::{StoreError, Tx};

/// Rows of a preview.
pub const ROWS_MAX: usize = 20;

/// Where a mapping comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The request said it.
    Asked,
    /// A file with these columns was mapped before, under this name.
    Remembered(String),
    /// The columns have our names, or names that other programs give them.
    Names,
}

/// What a row would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Makes something.
    New,
    /// Changes something.
    Change,
    /// Nothing: it is so already.
    Same,
    /// It is left out.
    LeftOut,
}

/// A column that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which of ours.
    pub column: &'static str,
    /// As it is.
    pub before: Option<String>,
    /// As it would be.
    pub after: Option<String>,
}

/// A row of a preview.
#[derive(Debug)]
pub struct Previewed {
    /// Its place in the file.
    pub line: i64,
    /// As it came.
    pub cells: Vec<String>,
    /// What it would do.
    pub effect: Effect,
    /// To which columns.
    pub changes: Vec<Changed>,
    /// Why it would be left out.
    pub wrong: Option<ErrorRow>,
}

/// A file's beginning.
#[derive(Debug)]
pub struct Preview {
    /// The file's columns.
    pub header: Vec<String>,
    /// Between its cells.
    pub delimiter: char,
    /// In its amounts.
    pub decimal: DecimalMark,
    /// Where its columns go.
    pub mapping: Mapping,
    /// Who says so.
    pub source: Source,
    /// True when its columns have our names: it can be taken in without a mapping.
    pub plain: bool,
    /// What is missing before it can be taken in.
    pub missing: Option<String>,
    /// Its first rows; none while something is missing.
    pub rows: Vec<Previewed>,
}

/// Looks at the beginning of a file. `part`: more follows, so the last row may be cut.
///
/// # Errors
/// When the header cannot be read, or the database does not answer.
pub async fn preview(
    app: &App,
    mut asked: Asked,
    bytes: Vec<u8>,
    part: bool,
) -> Result<Preview, NotReceived> {
    let records = app.seen().records.clone();
    let (header, delimiter, bytes) = tokio::task::spawn_blocking(move || {
        let mut rows = Rows::new(whole(bytes.clone()));
        let header = header(&mut rows).map(|h| h.iter().map(|c| shown(c)).collect::<Vec<_>>());
        header.map(|header| (header, rows.delimiter(), bytes))
    })
    .await
    .map_err(|_| NotReceived::Cut)??;
    let plain = asked.mapping.is_none()
        && remembered(&records, asked.kind, &header).is_none()
        && Layout::new(&asked, &header, delimiter).is_ok();
    let (mapping, source) = match asked.mapping.take() {
        Some(mapping) => (mapping, Source::Asked),
        None => match remembered(&records, asked.kind, &header) {
            Some(known) => {
                asked.decimal = asked.decimal.or(known.decimal);
                (known.columns.clone(), Source::Remembered(known.name.clone()))
            }
            None => (guess(asked.kind, &header), Source::Names),
        },
    };
    asked.mapping = Some(mapping.clone());
    let kind = asked.kind;
    let read = tokio::task::spawn_blocking(move || first_rows(&asked, bytes, part));
    let (layout, first) = match read.await.map_err(|_| NotReceived::Cut)? {
        Ok(read) => read,
        Err(Unreadable(missing)) => {
            let (decimal, rows, missing) = (DecimalMark::Point, vec![], Some(missing));
            return Ok(Preview {
                header,
                delimiter,
                decimal,
                mapping,
                source,
                plain,
                missing,
                rows,
            });
        }
    };
    let rows = Decided { app, records: &records, layout: &layout, kind }.rows(first).await?;
    let decimal = layout.decimal;
    Ok(Preview { header, delimiter, decimal, mapping, source, plain, missing: None, rows })
}

/// The newest mapping of a file with the same columns.
fn remembered<'a>(
    records: &'a Records,
    kind: Kind,
    header: &[String],
) -> Option<&'a ImportMapping> {
    let all = records.of_kind("mapping").filter_map(|(version, record)| match record {
        Record::Mapping(m) if m.kind == kind.name() => Some((version, m)),
        _ => None,
    });
    let fitting = all.filter(|(_, m)| same_columns(&m.headers, header));
    fitting.max_by_key(|(version, _)| *version).map(|(_, mapping)| mapping)
}

fn whole(bytes: Vec<u8>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(1);
    // There is room for one.
    let _ = sender.try_send(bytes);
    receiver
}

type FirstRow = (i64, Result<Vec<String>, ErrorRow>);

fn first_rows(
    asked: &Asked,
    bytes: Vec<u8>,
    part: bool,
) -> Result<(Layout, Vec<FirstRow>), Unreadable> {
    let mut reading = Reading::begin(asked, whole(bytes))?;
    let mut layout = reading.layout.clone();
    let mut rows = vec![];
    // One more than is shown: the last row of a part may be cut.
    while let Some(row) = reading.next().filter(|_| rows.len() <= ROWS_MAX) {
        if let Ok(cells) = &row.1 {
            layout.look(cells);
        }
        rows.push(row);
    }
    if part && rows.len() <= ROWS_MAX {
        rows.pop();
    }
    rows.truncate(ROWS_MAX);
    Ok((layout.settled(), rows))
}

/// Rows with all that decides about them.
struct Decided<'a> {
    app: &'a App,
    records: &'a Records,
    layout: &'a Layout,
    kind: Kind,
}

type Told = Result<(Effect, Vec<Changed>), Wrong>;

impl Decided<'_> {
    async fn rows(&self, first: Vec<FirstRow>) -> Result<Vec<Previewed>, StoreError> {
        let cells = |row: &FirstRow| row.1.as_ref().ok().map(|c| self.layout.cells(self.kind, c));
        let ours: Vec<Option<Cells>> = first.iter().map(cells).collect();
        let skus: Vec<Sku> = ours.iter().flatten().filter_map(|c| rows::sku(c).ok()).collect();
        let mut tx = self.app.store.read().await?;
        let found = items::by_sku(&mut tx, &skus).await?;
        let mut known: HashMap<Sku, Item> =
            found.into_iter().map(|item| (item.sku.clone(), item)).collect();
        let mut previewed = vec![];
        for ((line, row), cells) in first.into_iter().zip(ours) {
            let (cells, told) = match (row, cells) {
                (Ok(row), Some(cells)) => {
                    let told = match self.kind {
                        Kind::Items => self.item(&mut tx, &cells, &mut known).await?,
                        Kind::Prices => self.price(&cells, &known),
                        Kind::Stock => self.stock(&mut tx, &cells, &known).await?,
                    };
                    (row, told.map_err(|wrong| wrong.at(line, "")))
                }
                (Err(error), _) => {
                    let cells = error.cells.as_deref().map(serde_json::from_str::<Vec<String>>);
                    (cells.and_then(Result::ok).unwrap_or_default(), Err(error))
                }
                (Ok(row), None) => (row, Ok((Effect::Same, vec![]))),
            };
            let (effect, changes, wrong) = match told {
                Ok((effect, changes)) => (effect, changes, None),
                Err(wrong) => (Effect::LeftOut, vec![], Some(wrong)),
            };
            previewed.push(Previewed { line, cells, effect, changes, wrong });
        }
        tx.rollback().await?;
        Ok(previewed)
    }

    async fn item(
        &self,
        tx: &mut Tx,
        cells: &Cells,
        known: &mut HashMap<Sku, Item>,
    ) -> Result<Told, StoreError> {
        let read = rows::sku(cells).and_then(|sku| {
            let before = known.get(&sku).map(|item| &item.details);
            let after = item_rows::item(cells, self.records, self.layout.decimal, before)?;
            Ok((sku, after))
        });
        let (sku, after) = match read {
            Ok(read) => read,
            Err(wrong) => return Ok(Err(wrong)),
        };
        for barcode in &after.barcodes {
            if let Some(wrong) = taken(tx, barcode, &sku).await? {
                return Ok(Err(wrong));
            }
        }
        let style = Style::of(self.layout.decimal);
        let texts = |details| item_rows::cells(details, style).map(Some);
        let before = known.get(&sku).map(|item| texts(&item.details));
        let names = &self.kind.columns()[1..];
        let told = told(names, before.as_ref().map(|b| &b[..]), &texts(&after));
        if let Some(item) = known.get_mut(&sku) {
            item.details = after;
        }
        Ok(Ok(told))
    }

    fn price(&self, cells: &Cells, known: &HashMap<Sku, Item>) -> Told {
        let sku = rows::sku(cells)?;
        let row = rows::price(cells, self.records, self.layout.decimal)?;
        let unknown = || Wrong::from(&Refusal::ItemUnknown { sku: sku.to_string() });
        let item = known.get(&sku).ok_or_else(unknown)?;
        let office = self.records.zone_of(None);
        if row.is_idle(item, item.has_dated_price(self.app.now(), office)) {
            return Ok((Effect::Same, vec![]));
        }
        let style = Style::of(self.layout.decimal);
        let text = |price: Option<oneshelf_domain::Money>| price.map(|p| style.amount(p));
        let before = text(row.before(item));
        let effect = if before.is_none() { Effect::New } else { Effect::Change };
        let price = Changed { column: "price", before, after: text(row.price) };
        let from = row.from.map(|from| Changed {
            column: "from",
            before: None,
            after: Some(from.to_string()),
        });
        Ok((effect, [Some(price), from].into_iter().flatten().collect()))
    }

    async fn stock(
        &self,
        tx: &mut Tx,
        cells: &Cells,
        known: &HashMap<Sku, Item>,
    ) -> Result<Told, StoreError> {
        let number = |sku: &Sku| known.get(sku).map(|item| item.no);
        let row = match rows::stock(cells, self.records, number) {
            Ok(row) => row,
            Err(wrong) => return Ok(Err(wrong)),
        };
        if row.quantity.is_zero() {
            return Ok(Ok((Effect::Same, vec![])));
        }
        let now =
            on_hand(tx, row.item, StockKey { item: row.item, location: row.location }).await?;
        let effect = if now == 0 { Effect::New } else { Effect::Change };
        let after = now.saturating_add(row.quantity.units());
        let changed = |n: i64| Some(n.to_string());
        let quantity = Changed { column: "quantity", before: changed(now), after: changed(after) };
        Ok(Ok((effect, vec![quantity])))
    }
}

async fn on_hand(tx: &mut Tx, item: ItemNo, key: StockKey) -> Result<i64, StoreError> {
    let rows = stock::of_items(tx, &[item]).await?;
    Ok(rows.iter().find(|(at, _)| *at == key).map_or(0, |(_, stock)| stock.on_hand()))
}

/// A barcode of another item.
async fn taken(tx: &mut Tx, barcode: &Barcode, sku: &Sku) -> Result<Option<Wrong>, StoreError> {
    let owner = items::by_barcode(tx, barcode).await?.filter(|owner| owner.sku != *sku);
    let refusal = || Refusal::BarcodeInUse { barcode: barcode.to_string() };
    Ok(owner.map(|_| Wrong::from(&refusal())))
}

/// Columns that differ; empty and absent are the same.
fn told(
    names: &'static [&'static str],
    before: Option<&[Option<String>]>,
    after: &[Option<String>],
) -> (Effect, Vec<Changed>) {
    let text = |cell: Option<&Option<String>>| cell.cloned().flatten().filter(|t| !t.is_empty());
    let mut changes = vec![];
    for (at, column) in names.iter().enumerate() {
        let (was, is) = (text(before.and_then(|b| b.get(at))), text(after.get(at)));
        if was != is {
            changes.push(Changed { column, before: was, after: is });
        }
    }
    let effect = match (before, changes.is_empty()) {
        (None, _) => Effect::New,
        (Some(_), true) => Effect::Same,
        (Some(_), false) => Effect::Change,
    };
    (effect, changes)
}
