//! Rows from the tables into the state that deciding works on: one bulk query a kind of key.
//!
//! It knows no rules. Invariant: a row that the state has is newer than the table's and stays; a
//! row that is nowhere is put in as absent, so that it is not asked for again.

mod agents;
pub(super) mod claims;
mod items;

use std::collections::BTreeMap;

use oneshelf_domain::record::Record;
use oneshelf_domain::stock::{ItemNo, Key, LocationNo, State, Stock, StockKey, Version};
use oneshelf_domain::{CommandId, IncarnationId, ReservationId};
use oneshelf_sync::plan::Known;

use super::{StoreError, Tx, error, on};

/// Rows of one statement.
const CHUNK_ROWS: usize = 8_192;

/// Keys of a kind each, without doubles.
#[derive(Default)]
struct Kinds {
    stock: Vec<StockKey>,
    reservations: Vec<ReservationId>,
    open: Vec<StockKey>,
    shoppers: Vec<String>,
    addresses: Vec<String>,
    skus: Vec<oneshelf_domain::Sku>,
    items: Vec<ItemNo>,
    barcodes: Vec<oneshelf_domain::Barcode>,
    incarnations: Vec<IncarnationId>,
    incarnations_at: Vec<LocationNo>,
    shares_at: Vec<StockKey>,
    shares_of: Vec<IncarnationId>,
}

impl Kinds {
    /// The keys that the state has not.
    fn of(keys: &[Key], state: &State) -> Self {
        let mut kinds = Self::default();
        for key in keys.iter().filter(|k| !state.has(k)) {
            match key.clone() {
                Key::Stock(k) => kinds.stock.push(k),
                Key::Reservation(id) => kinds.reservations.push(id),
                Key::OpenReservations(k) => kinds.open.push(k),
                Key::HoldsOfShopper(s) => kinds.shoppers.push(s),
                Key::HoldsFromAddress(a) => kinds.addresses.push(a),
                Key::Item(sku) => kinds.skus.push(sku),
                Key::ItemNo(no) => kinds.items.push(no),
                Key::Barcode(b) => kinds.barcodes.push(b),
                Key::Incarnation(id) => kinds.incarnations.push(id),
                Key::IncarnationsAt(l) => kinds.incarnations_at.push(l),
                Key::SharesAt(k) => kinds.shares_at.push(k),
                Key::SharesOf(id) => kinds.shares_of.push(id),
            }
        }
        kinds
    }
}

/// Loads keys into a state.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn load(tx: &mut Tx, state: &mut State, keys: &[Key]) -> Result<(), StoreError> {
    let kinds = Kinds::of(keys, state);
    for chunk in kinds.stock.chunks(CHUNK_ROWS) {
        stock(tx, state, chunk).await?;
    }
    claims::load(tx, state, &kinds).await?;
    items::load(tx, state, &kinds).await?;
    agents::load(tx, state, &kinds).await
}

type StockRow = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

async fn stock(tx: &mut Tx, state: &mut State, keys: &[StockKey]) -> Result<(), StoreError> {
    let mut rows = tx.rows("bb");
    for key in keys {
        rows.row(|r| {
            r.int(key.item.0).int(key.location.0);
        });
    }
    let found: Vec<StockRow> = tx
        .fetch(
            "select s.item, s.location, s.available, s.store_share, s.reserved, s.picked, \
             s.quality_control, s.damaged, s.in_doubt, s.supplier, s.customer, s.adjustment, \
             s.scrap, s.discrepancy, s.short, s.version \
             from {rows} join stock s on s.item = r.c0 and s.location = r.c1",
            rows,
        )
        .await?;
    for row in found {
        let (item, location, a, b, c, d, e, f, g, h, i, j, k, l, short, version) = row;
        let key = StockKey { item: ItemNo(item), location: LocationNo(location) };
        if !state.has(&Key::Stock(key)) {
            let balances = [a, b, c, d, e, f, g, h, i, j, k, l];
            state.put_stock(key, Stock { balances, short, version: Version(version) });
        }
    }
    for key in keys {
        if !state.has(&Key::Stock(*key)) {
            state.put_stock(*key, Stock::default());
        }
    }
    Ok(())
}

/// The answers that are remembered of command ids.
///
/// # Errors
/// When the database does not answer.
pub async fn known(
    tx: &mut Tx,
    ids: &[CommandId],
) -> Result<BTreeMap<CommandId, Known>, StoreError> {
    let mut rows = tx.rows("t");
    for id in ids {
        rows.row(|r| {
            r.shown(id);
        });
    }
    let found: Vec<(String, String, String, String, Option<i64>)> = tx
        .fetch(
            "select c.id, c.principal, coalesce(c.fingerprint, l.fingerprint, ''), c.outcome, \
             c.version from {rows} join command c on c.id = r.c0 \
             left join ledger l on l.version = c.version",
            rows,
        )
        .await?;
    let mut known = BTreeMap::new();
    for (id, principal, fingerprint, outcome, version) in found {
        let id: CommandId = parse("command", &id)?;
        let version = version.map(Version);
        known.insert(id, Known { principal, fingerprint, outcome, version });
    }
    Ok(known)
}

/// Records that changed after a version, by key; those without a value are gone.
///
/// # Errors
/// When the database does not answer, or a record cannot be read.
pub async fn records_since(
    tx: &mut Tx,
    after: Version,
) -> Result<Vec<(String, Version, Option<Record>)>, StoreError> {
    let sql = "select key, value, version from record where version > $1 order by version, key";
    let found: Vec<(String, Option<String>, i64)> =
        on!(tx, conn => sqlx::query_as(sql).bind(after.0).fetch_all(conn).await)?;
    let read = |(key, value, version): (String, Option<String>, i64)| {
        let record = value.as_deref().map(error::record).transpose()?;
        Ok((key, Version(version), record))
    };
    found.into_iter().map(read).collect()
}

/// An id as its table has it.
fn parse<T>(table: &'static str, text: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|e| StoreError::unreadable(table, e))
}
