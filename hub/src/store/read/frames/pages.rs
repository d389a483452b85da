//! Pages of the rows that a store's copy has, each behind the last one's last row.
//!
//! It knows what belongs to a store's stock and reservations, and nothing of parts or bytes.

use std::collections::BTreeMap;

use oneshelf_domain::item::{Item, ItemDetails};
use oneshelf_domain::record::{LocationKind, RecordState, Records};
use oneshelf_domain::stock::{ItemNo, LocationNo, Version};
use oneshelf_domain::{ReservationId, Sku, Timestamp, promise};
use oneshelf_protocol::replica::Row;

use crate::store::read::changes::StockColumns;
use crate::store::{StoreError, Tx, on};

/// Rows of a page.
const PAGE_ROWS: i64 = 500;

/// Behind a row, in order of (version, item).
#[derive(Debug, Clone, Copy)]
pub(super) struct ByVersion(i64, i64);

impl ByVersion {
    pub(super) const fn after(version: Version) -> Self {
        // Numbers of items are positive.
        Self(version.0, i64::MAX)
    }
}

/// Behind a row, in order of (version, item, location).
#[derive(Debug, Clone, Copy)]
pub(super) struct ByStock(i64, i64, i64);

impl ByStock {
    pub(super) const fn after(version: Version) -> Self {
        Self(version.0, i64::MAX, i64::MAX)
    }
}

/// Behind a reservation: of those that changed, or in a snapshot of those that are open.
#[derive(Debug, Clone)]
pub(super) enum ById {
    Changed(i64, String),
    Open(String),
}

impl ById {
    pub(super) fn new(after: Version) -> Self {
        match after {
            Version(0) => ById::Open(String::new()),
            // The next version with an empty id; no id is empty.
            Version(v) => ById::Changed(v + 1, String::new()),
        }
    }
}

fn text<T>(table: &'static str, text: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|e| StoreError::unreadable(table, e))
}

fn json<T: serde::de::DeserializeOwned>(table: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::unreadable(table, e))
}

/// Items that changed.
pub(super) async fn items(tx: &mut Tx, at: &mut ByVersion) -> Result<Vec<Row>, StoreError> {
    let sql = "select version, no, sku, details, prices from item where (version, no) > ($1, $2)
        order by version, no limit $3";
    let found: Vec<(i64, i64, String, String, String)> = on!(tx, conn => sqlx::query_as(sql)
        .bind(at.0).bind(at.1).bind(PAGE_ROWS).fetch_all(conn).await)?;
    let mut rows = Vec::with_capacity(found.len());
    for (version, no, sku, details, prices) in found {
        *at = ByVersion(version, no);
        let details: ItemDetails = json("item", &details)?;
        let (no, version, sku) = (ItemNo(no), Version(version), text("item", &sku)?);
        let prices = json("item", &prices)?;
        rows.push(Row::Item { item: Box::new(Item { no, sku, details, prices, version }) });
    }
    Ok(rows)
}

#[derive(sqlx::FromRow)]
struct NamedStock {
    sku: String,
    #[sqlx(flatten)]
    columns: StockColumns,
}

/// The store's stock rows that changed, with the numbers of their items.
pub(super) async fn stock(
    tx: &mut Tx,
    store: LocationNo,
    at: &mut ByVersion,
) -> Result<(Vec<Row>, Vec<(Sku, ItemNo)>), StoreError> {
    // The plus keeps the engines on the index by version: few rows changed, many are here.
    let sql = "select i.sku, s.* from stock s join item i on i.no = s.item
        where +s.location = $1 and (s.version, s.item) > ($2, $3)
        order by s.version, s.item limit $4";
    let found: Vec<NamedStock> = on!(tx, conn => sqlx::query_as(sql)
        .bind(store.0).bind(at.0).bind(at.1).bind(PAGE_ROWS).fetch_all(conn).await)?;
    let mut rows = Vec::with_capacity(found.len());
    let mut numbers = Vec::with_capacity(found.len());
    for row in found {
        let (stock, no) = (row.columns.stock(), row.columns.key().item);
        *at = ByVersion(stock.version.0, no.0);
        let sku: Sku = text("item", &row.sku)?;
        numbers.push((sku.clone(), no));
        rows.push(Row::Stock { sku, balances: stock.balances, short: stock.short });
    }
    Ok((rows, numbers))
}

/// Version, id, state, when a hold runs out; of a transfer who sends and who gets it.
type Head = (i64, String, String, Option<i64>, Option<i64>, Option<i64>);

macro_rules! heads {
    () => {
        "select r.version, r.id, r.state, r.expires_at, r.transfer_from, r.transfer_to
         from reservation r "
    };
}

/// Reservations with a line at the store, transfers from it, and transfers to it.
pub(super) async fn reservations(
    tx: &mut Tx,
    store: LocationNo,
    records: &Records,
    at: &mut ById,
) -> Result<Vec<Row>, StoreError> {
    let heads: Vec<Head> = match at {
        ById::Changed(version, id) => {
            let sql = concat!(
                heads!(),
                "where (r.version, r.id) > ($1, $2) and (r.transfer_from = $3
                    or r.transfer_to = $3 or exists (select 1 from reservation_line l
                        where l.reservation = r.id and l.location = $3))
                order by r.version, r.id limit $4"
            );
            on!(tx, conn => sqlx::query_as(sql).bind(*version).bind(id.as_str())
                .bind(store.0).bind(PAGE_ROWS).fetch_all(conn).await)?
        }
        ById::Open(id) => {
            let sql = concat!(
                heads!(),
                "where r.id in (select l.reservation from stock s
                    join reservation_line l
                        on l.item = s.item and l.location = s.location and l.open = 1
                    where s.location = $1 and s.reserved + s.picked + s.short > 0
                    union all select e.id from reservation e
                    where e.transfer_to is not null and e.transfer_to = $1
                        and e.state in ('committed', 'picked', 'in_transit'))
                    and r.id > $2
                order by r.id limit $3"
            );
            on!(tx, conn => sqlx::query_as(sql).bind(store.0).bind(id.as_str())
                .bind(PAGE_ROWS).fetch_all(conn).await)?
        }
    };
    match (heads.last(), &mut *at) {
        (Some(last), ById::Changed(version, id)) => (*version, *id) = (last.0, last.1.clone()),
        (Some(last), ById::Open(id)) => id.clone_from(&last.1),
        (None, _) => return Ok(vec![]),
    }
    let mut lines = lines(tx, store, &heads).await?;
    let code = |no| records.location_by_no(LocationNo(no)).map(|l| l.code.to_string());
    let mut rows = Vec::with_capacity(heads.len());
    for (_, id, state, expires_at, from, to) in heads {
        let lines = lines.remove(&id).unwrap_or_default();
        let expires_at = expires_at.map(Timestamp);
        let id: ReservationId = text("reservation", &id)?;
        rows.push(match (from, to) {
            (Some(from), Some(to)) if to == store.0 => {
                let open = lines.into_iter().filter(|(_, units, short)| units > short);
                let lines = open.map(|(sku, units, short)| (sku, units - short)).collect();
                Row::Transfer { id, from: code(from).unwrap_or_default(), state, lines }
            }
            (_, to) => Row::Reservation { id, state, lines, expires_at, to: to.and_then(code) },
        });
    }
    Ok(rows)
}

/// (SKU, units, short) per line at the store; of a transfer to it, per line wherever it is.
async fn lines(
    tx: &mut Tx,
    store: LocationNo,
    heads: &[Head],
) -> Result<BTreeMap<String, Vec<(Sku, i64, i64)>>, StoreError> {
    let mut rows = tx.rows("tb");
    for (_, id, _, _, _, to) in heads {
        rows.row(|r| {
            r.text(id).int(if *to == Some(store.0) { 0 } else { store.0 });
        });
    }
    let sql = "select l.reservation, i.sku, l.quantity, l.short from {rows}
        join reservation_line l on l.reservation = r.c0 and (l.location = r.c1 or r.c1 = 0)
        join item i on i.no = l.item order by l.reservation, l.line";
    let found: Vec<(String, String, i64, i64)> = tx.fetch(sql, rows).await?;
    let mut lines: BTreeMap<String, Vec<(Sku, i64, i64)>> = BTreeMap::new();
    for (id, sku, quantity, short) in found {
        lines.entry(id).or_default().push((text("item", &sku)?, quantity, short));
    }
    Ok(lines)
}

/// Items whose stock changed at another location; one may come more than once.
pub(super) async fn changed_elsewhere(
    tx: &mut Tx,
    store: LocationNo,
    at: &mut ByStock,
) -> Result<Vec<ItemNo>, StoreError> {
    let sql = "select version, item, location from stock
        where (version, item, location) > ($1, $2, $3) and location <> $4
        order by version, item, location limit $5";
    let found: Vec<(i64, i64, i64)> = on!(tx, conn => sqlx::query_as(sql)
        .bind(at.0).bind(at.1).bind(at.2).bind(store.0).bind(PAGE_ROWS)
        .fetch_all(conn).await)?;
    if let Some(last) = found.last() {
        *at = ByStock(last.0, last.1, last.2);
    }
    Ok(found.into_iter().map(|(_, item, _)| ItemNo(item)).collect())
}

/// Items with stock at a location.
pub(super) async fn items_at(
    tx: &mut Tx,
    location: LocationNo,
    after: ItemNo,
) -> Result<Vec<ItemNo>, StoreError> {
    let sql = "select item from stock where location = $1 and item > $2 order by item limit $3";
    let found: Vec<i64> = on!(tx, conn => sqlx::query_scalar(sql)
        .bind(location.0).bind(after.0).bind(PAGE_ROWS).fetch_all(conn).await)?;
    Ok(found.into_iter().map(ItemNo).collect())
}

/// What the other stores may promise of items; a store that may promise none is left out.
pub(super) async fn figures(
    tx: &mut Tx,
    items: &[ItemNo],
    records: &Records,
    own: LocationNo,
) -> Result<Vec<Row>, StoreError> {
    if items.is_empty() {
        return Ok(vec![]);
    }
    let mut wanted = tx.rows("b");
    for item in items {
        wanted.row(|r| {
            r.int(item.0);
        });
    }
    let sql = "select i.sku, s.* from {rows} join stock s on s.item = r.c0
        join item i on i.no = s.item order by s.item, s.location";
    let found: Vec<NamedStock> = tx.fetch(sql, wanted).await?;
    let mut rows: Vec<Row> = vec![];
    let mut of = ItemNo(0);
    for row in found {
        let key = row.columns.key();
        if key.item != of {
            of = key.item;
            rows.push(Row::Elsewhere { sku: text("item", &row.sku)?, figures: vec![] });
        }
        let Some(location) = records.location_by_no(key.location) else { continue };
        let counts = location.no != own
            && location.kind == LocationKind::Store
            && location.state == RecordState::Active;
        // Of another store a register offers what needs no answer from there.
        let lines = promise::Lines::default();
        let units = promise::promise(records, &lines, key, &row.columns.stock());
        if let Some(Row::Elsewhere { figures, .. }) =
            rows.last_mut().filter(|_| counts && units > 0)
        {
            figures.push((location.code.to_string(), units));
        }
    }
    Ok(rows)
}
