//! Transfers with their lines, when they were made, and what is expected of them.
//!
//! It knows rows; who may see which is for its readers.

use std::collections::BTreeMap;

use oneshelf_domain::stock::{
    ItemNo, LocationNo, Reservation, ReservationState, StockKey, Version,
};
use oneshelf_domain::{ReservationId, Timestamp};
use sqlx::AssertSqlSafe;

use crate::store::load::claims;
use crate::store::{StoreError, Tx, on};

/// Which transfers a list shows.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// In this state.
    pub state: Option<ReservationState>,
    /// Sent by this location.
    pub from: Option<LocationNo>,
    /// Sent to this one.
    pub to: Option<LocationNo>,
    /// Rows of the page.
    pub limit: i64,
}

/// The list's query. Each question has its own words: for "any location, or this one" no index
/// helps.
pub fn listing(wanted: Wanted) -> String {
    let from = wanted.from.map_or("$2 = 0", |_| "transfer_from = $2");
    let to = wanted.to.map_or("$3 = 0", |_| "transfer_to = $3");
    format!(
        "select id from reservation where transfer_to is not null
            and ($1 = '' or state = $1) and {from} and {to} and (created, id) < ($4, $5)
        order by created desc, id desc limit $6"
    )
}

/// The newest transfers that were made before another, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn before(
    tx: &mut Tx,
    wanted: Wanted,
    (created, id): (i64, &str),
) -> Result<Vec<Reservation>, StoreError> {
    let sql = listing(wanted);
    let ids: Vec<String> = on!(&mut *tx, conn => sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(wanted.state.map_or("", ReservationState::name))
        .bind(wanted.from.map_or(0, |l| l.0)).bind(wanted.to.map_or(0, |l| l.0))
        .bind(created).bind(id).bind(wanted.limit).fetch_all(conn).await)?;
    let parsed: Vec<ReservationId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    if parsed.is_empty() {
        return Ok(vec![]);
    }
    let mut found = claims::read(tx, &parsed).await?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// When these versions were recorded, by the hub's clock.
///
/// # Errors
/// When the database does not answer, or the ledger lacks one.
pub async fn recorded(
    tx: &mut Tx,
    versions: &[Version],
) -> Result<BTreeMap<Version, Timestamp>, StoreError> {
    if versions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut rows = tx.rows("b");
    for version in versions {
        rows.row(|r| {
            r.int(version.0);
        });
    }
    let sql = "select l.version, l.recorded_at from {rows} join ledger l on l.version = r.c0";
    let found: Vec<(i64, i64)> = tx.fetch(sql, rows).await?;
    let found: BTreeMap<Version, Timestamp> =
        found.into_iter().map(|(version, at)| (Version(version), Timestamp(at))).collect();
    match versions.iter().find(|version| !found.contains_key(*version)) {
        Some(lost) => Err(StoreError::unreadable("ledger", format_args!("no version {}", lost.0))),
        None => Ok(found),
    }
}

/// Units of these items that open transfers bring, by where to.
///
/// # Errors
/// When the database does not answer.
pub async fn incoming(tx: &mut Tx, items: &[ItemNo]) -> Result<Vec<(StockKey, i64)>, StoreError> {
    let mut rows = tx.rows("b");
    for item in items {
        rows.row(|r| {
            r.int(item.0);
        });
    }
    let sql = "select l.item, h.transfer_to, cast(sum(l.quantity - l.short) as bigint) from {rows}
        join reservation h on h.transfer_to is not null
            and h.state in ('committed', 'picked', 'in_transit')
        join reservation_line l on l.reservation = h.id and l.item = r.c0
        group by l.item, h.transfer_to order by l.item, h.transfer_to";
    let found: Vec<(i64, i64, i64)> = tx.fetch(sql, rows).await?;
    let key = |item, location| StockKey { item: ItemNo(item), location: LocationNo(location) };
    Ok(found.into_iter().map(|(item, to, units)| (key(item, to), units)).collect())
}
