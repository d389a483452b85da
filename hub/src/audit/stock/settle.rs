//! Compares what movements say of some items with the rows of one snapshot.

use std::collections::{BTreeMap, BTreeSet};

use oneshelf_domain::ReservationId;
use oneshelf_domain::stock::{Place, ReservationState};

use super::{Group, Key, Sums, named};
use crate::audit::{Invariant, Walk};
use crate::store::audit::{self as rows, ShareLine, StockLine};
use crate::store::{StoreError, Tx};

/// Units that open reservations claim of a stock row, by where they stand.
#[derive(Debug, Clone, Copy, Default)]
struct Claims {
    reserved: i64,
    picked: i64,
    short: i64,
}

/// The rows of one snapshot.
#[derive(Default)]
struct Rows {
    stock: BTreeMap<Key, StockLine>,
    claims: BTreeMap<Key, Claims>,
    held: BTreeMap<(Key, ReservationId), i64>,
    shares: BTreeMap<Key, ShareLine>,
}

/// Compares the items behind `after`, up to `upto`.
pub(super) async fn settle(
    walk: &mut Walk<'_>,
    mut group: Group,
    after: i64,
    upto: i64,
) -> Result<(), StoreError> {
    let mut tx = walk.store.read().await?;
    let mut found = Rows::default();
    stock(&mut tx, &mut found, after, upto).await?;
    let late: BTreeSet<i64> =
        found.stock.values().filter(|s| s.version > walk.upto).map(|s| s.item).collect();
    for item in late {
        catch_up(walk, &mut tx, &mut group, item).await?;
    }
    lines(walk, &mut tx, &mut found, after, upto).await?;
    shares(&mut tx, &mut found, after, upto).await?;
    tx.rollback().await?;
    compare(walk, &group, &found);
    Ok(())
}

/// Adds up what moved since the audit began.
async fn catch_up(
    walk: &mut Walk<'_>,
    tx: &mut Tx,
    group: &mut Group,
    item: i64,
) -> Result<(), StoreError> {
    let mut at = (walk.upto, i64::MAX);
    loop {
        let page = rows::late_movements(tx, item, at).await?;
        let Some(last) = page.last() else { return Ok(()) };
        at = (last.version, last.line);
        for m in &page {
            group.book(walk, m);
        }
    }
}

/// Behind all rows of an item.
const fn behind(item: i64) -> Key {
    (item, i64::MAX)
}

async fn stock(tx: &mut Tx, found: &mut Rows, after: i64, upto: i64) -> Result<(), StoreError> {
    let mut at = behind(after);
    loop {
        let page = rows::stock(tx, at, upto).await?;
        let Some(last) = page.last() else { return Ok(()) };
        at = (last.item, last.location);
        found.stock.extend(page.into_iter().map(|line| ((line.item, line.location), line)));
    }
}

async fn shares(tx: &mut Tx, found: &mut Rows, after: i64, upto: i64) -> Result<(), StoreError> {
    let mut at = behind(after);
    loop {
        let page = rows::shares(tx, at, upto).await?;
        let Some(last) = page.last() else { return Ok(()) };
        at = (last.item, last.location);
        found.shares.extend(page.into_iter().map(|line| ((line.item, line.location), line)));
    }
}

async fn lines(
    walk: &mut Walk<'_>,
    tx: &mut Tx,
    found: &mut Rows,
    after: i64,
    upto: i64,
) -> Result<(), StoreError> {
    rows::open_lines(tx, after, upto, |line| {
        let key = (line.item, line.location);
        let held = line.quantity - line.short;
        let claims = found.claims.entry(key).or_default();
        let state = line.state.as_deref().and_then(ReservationState::from_name);
        if state.is_none_or(|s| s.is_awaited() || !s.is_open()) {
            claims.short += line.short; // else nobody waits for them
        }
        match line.state.as_deref() {
            Some("held" | "committed" | "releasing" | "in_transit") => claims.reserved += held,
            Some("picked") => claims.picked += held,
            state => {
                let state = state.unwrap_or("unknown");
                let detail = format!("has an open line of {} ({state})", line.reservation);
                walk.broken(Invariant::ReservationsMatchBuckets, named(key), detail);
            }
        }
        if let Some(id) = line.reservation.parse().ok().filter(|_| held != 0) {
            *found.held.entry((key, id)).or_default() += held;
        }
    })
    .await
}

fn compare(walk: &mut Walk<'_>, group: &Group, found: &Rows) {
    for invariant in [
        Invariant::BucketsMatchMovements,
        Invariant::ReservationsMatchBuckets,
        Invariant::NoNegativeBucket,
        Invariant::ShareMatchesIncarnations,
        Invariant::ShortMatchesLines,
    ] {
        walk.checked(invariant, found.stock.len());
    }
    conserved(walk, found);
    let keys: BTreeSet<Key> = group
        .stock
        .keys()
        .chain(found.stock.keys())
        .chain(found.claims.keys())
        .chain(found.shares.keys())
        .copied()
        .collect();
    for key in keys {
        let sums = group.stock.get(&key).copied().unwrap_or_default();
        let stock = found.stock.get(&key);
        match stock {
            Some(stock) => balances(walk, key, &sums, stock),
            None if sums.version > 0 => {
                let detail = "has movements and no row".to_owned();
                walk.broken(Invariant::BucketsMatchMovements, named(key), detail);
            }
            None => {}
        }
        claims(walk, key, stock, found.claims.get(&key).copied().unwrap_or_default());
        share(walk, key, stock, found.shares.get(&key));
    }
    held(walk, group, found);
}

fn conserved(walk: &mut Walk<'_>, found: &Rows) {
    let mut totals: BTreeMap<i64, i128> = BTreeMap::new();
    for stock in found.stock.values() {
        let sum: i128 = stock.balances().iter().map(|n| i128::from(*n)).sum();
        *totals.entry(stock.item).or_default() += sum;
    }
    walk.checked(Invariant::UnitsConserved, totals.len());
    for (item, total) in totals {
        if total != 0 {
            let detail = format!("all places together have {total}");
            walk.broken(Invariant::UnitsConserved, format!("item {item}"), detail);
        }
    }
}

fn balances(walk: &mut Walk<'_>, key: Key, sums: &Sums, stock: &StockLine) {
    for (place, (is, moved)) in
        Place::ALL.into_iter().zip(stock.balances().into_iter().zip(sums.units))
    {
        if is != moved {
            let detail = format!("{} is {is}, and its movements give {moved}", place.name());
            walk.broken(Invariant::BucketsMatchMovements, named(key), detail);
        }
        if place.is_bucket() && is < 0 {
            let detail = format!("{} is {is}", place.name());
            walk.broken(Invariant::NoNegativeBucket, named(key), detail);
        }
    }
    // Followers find what changed by the row's version.
    if stock.version < sums.version {
        let detail =
            format!("moved in version {}, and its row is of {}", sums.version, stock.version);
        walk.broken(Invariant::BucketsMatchMovements, named(key), detail);
    }
}

fn claims(walk: &mut Walk<'_>, key: Key, stock: Option<&StockLine>, claims: Claims) {
    let (reserved, picked, short) = stock.map_or((0, 0, 0), |s| (s.reserved, s.picked, s.short));
    for (name, is, claimed) in
        [("reserved", reserved, claims.reserved), ("picked", picked, claims.picked)]
    {
        if is != claimed {
            let detail = format!("{name} is {is}, and open reservations hold {claimed}");
            walk.broken(Invariant::ReservationsMatchBuckets, named(key), detail);
        }
    }
    if short != claims.short {
        let detail = format!("short is {short}, and open reservations lack {}", claims.short);
        walk.broken(Invariant::ShortMatchesLines, named(key), detail);
    }
}

fn share(walk: &mut Walk<'_>, key: Key, stock: Option<&StockLine>, share: Option<&ShareLine>) {
    let (store_share, in_doubt) = stock.map_or((0, 0), |s| (s.store_share, s.in_doubt));
    let (owned, doubt, stray) = share.map_or((0, 0, 0), |s| (s.owned, s.doubt, s.stray));
    for (name, is, should) in [("store_share", store_share, owned), ("in_doubt", in_doubt, doubt)] {
        if is != should {
            let detail = format!("{name} is {is}, and its incarnations have {should}");
            walk.broken(Invariant::ShareMatchesIncarnations, named(key), detail);
        }
    }
    if stray > 0 {
        let detail = format!("{stray} shares of incarnations that are not of this store");
        walk.broken(Invariant::ShareMatchesIncarnations, named(key), detail);
    }
}

/// What a reservation holds by its movements, it holds by its open lines.
fn held(walk: &mut Walk<'_>, group: &Group, found: &Rows) {
    let all: BTreeSet<_> = group.held.keys().chain(found.held.keys()).collect();
    walk.checked(Invariant::ReservationsEndOnce, all.len());
    for key in all {
        let moved = group.held.get(key).copied().unwrap_or_default();
        let claimed = found.held.get(key).copied().unwrap_or_default();
        if moved != claimed {
            let detail = format!(
                "holds {moved} units of {} by movements and {claimed} by its open lines",
                named(key.0)
            );
            walk.broken(Invariant::ReservationsEndOnce, key.1.to_string(), detail);
        }
    }
}
