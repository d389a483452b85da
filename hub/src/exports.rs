//! Files of what the hub knows, a page of rows at a time.
//!
//! Each page is a short transaction of its own: a reader that is slow holds nothing, and rows that
//! change meanwhile are as they are when their page is read. Movements never change, so a range of
//! versions gives the same bytes whenever it is asked for. It knows no transport and no caller.
//! Invariant: no cell begins as a formula does, and a file of items or prices that is taken in
//! again changes nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use oneshelf_domain::item::Item;
use oneshelf_domain::stock::{ItemNo, LocationNo, Place, Stock, Version};
use oneshelf_domain::{LocationCode, Sku, Timestamp, limits};

use crate::app::App;
use crate::csv::{Cell, Style};
use crate::imports::{Kind, items as item_rows};
use crate::store::StoreError;
use crate::store::read::movements::{self, MovementRow};
use crate::store::read::{items, stock};

/// Rows of a page.
const PAGE_ROWS: i64 = 1_000;

/// Room for files that are sent, of all callers and of each.
#[derive(Clone, Default)]
pub struct Exports(Arc<Mutex<BTreeMap<String, usize>>>);

/// A file that is sent, until it is dropped.
pub struct Sending {
    of: Exports,
    caller: String,
}

impl Exports {
    /// Room for one more file of a caller; none while as many are sent as may be.
    pub fn room(&self, caller: &str) -> Option<Sending> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = all.get(caller).copied().unwrap_or(0);
        let sent: usize = all.values().sum();
        if mine >= limits::EXPORTS_PER_CALLER_MAX || sent >= limits::EXPORTS_MAX {
            return None;
        }
        all.insert(caller.to_owned(), mine + 1);
        Some(Sending { of: self.clone(), caller: caller.to_owned() })
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let mut all = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&self.caller) {
            Some(mine) if *mine > 1 => *mine -= 1,
            _ => {
                all.remove(&self.caller);
            }
        }
    }
}

/// What a file holds, and where it is.
pub enum Export {
    /// The catalogue, behind a SKU.
    Items(String),
    /// Prices, behind a SKU.
    Prices(String),
    /// Stock of locations, behind an item of the first.
    Stock(VecDeque<(LocationNo, LocationCode)>, ItemNo),
    /// Movements of a range of versions, behind one of them.
    Movements {
        /// At one location.
        location: Option<LocationNo>,
        /// Behind this one.
        after: (i64, i64),
        /// Up to this version.
        upto: Version,
    },
}

const STOCK_COLUMNS: [&str; 12] = [
    "sku",
    "location",
    "quantity",
    "available",
    "store_share",
    "reserved",
    "picked",
    "quality_control",
    "damaged",
    "in_doubt",
    "short",
    "version",
];
const MOVEMENT_COLUMNS: [&str; 15] = [
    "version",
    "line",
    "recorded_at",
    "occurred_at",
    "sku",
    "quantity",
    "from_location",
    "from_place",
    "to_location",
    "to_place",
    "reason",
    "reservation",
    "command",
    "actor",
    "reference",
];

impl Export {
    /// The first row.
    pub fn header(&self, style: Style) -> String {
        let mut out = String::new();
        let columns = match self {
            Export::Items(_) => [Kind::Items.columns(), &["version"]].concat(),
            Export::Prices(_) => Kind::Prices.columns().to_vec(),
            Export::Stock(..) => STOCK_COLUMNS.to_vec(),
            Export::Movements { .. } => MOVEMENT_COLUMNS.to_vec(),
        };
        style.row(&mut out, columns.into_iter().map(Cell::from));
        out
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn page(&mut self, app: &App, style: Style) -> Result<Option<String>, StoreError> {
        let mut out = String::new();
        match self {
            Export::Items(after) => {
                let Some(page) = of_items(app, after).await? else { return Ok(None) };
                page.iter().for_each(|item| item_row(&mut out, style, item));
            }
            Export::Prices(after) => {
                let Some(page) = of_items(app, after).await? else { return Ok(None) };
                page.iter().for_each(|item| price_rows(&mut out, style, app, item));
            }
            Export::Stock(locations, after) => {
                let Some((location, code)) = locations.front() else { return Ok(None) };
                let mut tx = app.store.read().await?;
                let page = stock::page(&mut tx, *location, *after, PAGE_ROWS).await?;
                tx.rollback().await?;
                page.iter().for_each(|(_, sku, row)| stock_row(&mut out, style, sku, code, row));
                match page.last() {
                    Some((item, _, _)) => *after = *item,
                    None => {
                        locations.pop_front();
                        *after = ItemNo::default();
                    }
                }
            }
            Export::Movements { location, after, upto } => {
                let (item, location) = (None, *location);
                let wanted = movements::Wanted { item, location, upto: *upto, limit: PAGE_ROWS };
                let mut tx = app.store.read().await?;
                let page = movements::after(&mut tx, wanted, *after).await?;
                tx.rollback().await?;
                let Some(last) = page.last() else { return Ok(None) };
                *after = (last.version, last.line);
                for row in page {
                    movement_row(&mut out, style, app, row);
                }
            }
        }
        Ok(Some(out))
    }
}

async fn of_items(app: &App, after: &mut String) -> Result<Option<Vec<Item>>, StoreError> {
    let mut tx = app.store.read().await?;
    let page = items::page(&mut tx, after, PAGE_ROWS).await?;
    tx.rollback().await?;
    let Some(last) = page.last() else { return Ok(None) };
    last.sku.as_str().clone_into(after);
    Ok(Some(page))
}

fn item_row(out: &mut String, style: Style, item: &Item) {
    let cells = item_rows::cells(&item.details, style).map(Cell::from);
    let all = [Cell::from(item.sku.as_str())].into_iter().chain(cells);
    style.row(out, all.chain([Cell::from(item.version.0)]));
}

/// The own price as long as it is in force, and the dated ones: taken in again they change nothing.
fn price_rows(out: &mut String, style: Style, app: &App, item: &Item) {
    let office = app.seen().records.zone_of(None);
    let begun = item.has_dated_price(app.now(), office);
    let own = item.details.price.filter(|_| !begun).map(|price| (None, price));
    let dated = item.prices.iter().map(|p| (Some(p.from.to_string()), p.price));
    for (from, price) in own.into_iter().chain(dated) {
        let amount = style.amount(price);
        let sku = Cell::from(item.sku.as_str());
        let currency = Cell::from(price.currency.code().to_owned());
        style.row(out, [sku, Cell::from(amount), currency, Cell::from(from)]);
    }
}

fn stock_row(out: &mut String, style: Style, sku: &Sku, code: &LocationCode, row: &Stock) {
    let buckets = Place::ALL[..Place::BUCKETS].iter().map(|place| Cell::from(row.at(*place)));
    let first = [Cell::from(sku.as_str()), Cell::from(code.as_str()), Cell::from(row.on_hand())];
    let rest = [Cell::from(row.short), Cell::from(row.version.0)];
    style.row(out, first.into_iter().chain(buckets).chain(rest));
}

fn movement_row(out: &mut String, style: Style, app: &App, row: MovementRow) {
    let records = &app.seen().records;
    let code = |no: i64| {
        let location = records.location_by_no(LocationNo(no));
        Cell::from(location.map_or_else(String::new, |l| l.code.to_string()))
    };
    let time = |at: i64| Timestamp(at).to_string();
    style.row(
        out,
        [
            Cell::from(row.version),
            Cell::from(row.line),
            Cell::from(time(row.recorded_at)),
            Cell::from(row.occurred_at.map(time)),
            Cell::from(row.sku),
            Cell::from(row.quantity),
            code(row.from_location),
            Cell::from(row.from_place),
            code(row.to_location),
            Cell::from(row.to_place),
            Cell::from(row.reason),
            Cell::from(row.reservation),
            Cell::from(row.kind),
            Cell::from(row.actor),
            Cell::from(row.reference),
        ],
    );
}
