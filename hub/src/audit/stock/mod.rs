//! Stock: movements added up by item, and compared with every table that must agree.
//!
//! Movements are read by item up to the version of the start. When some items are complete, their
//! rows are read in one snapshot, with the movements that came meanwhile, and compared.

mod settle;

use std::collections::BTreeMap;

use oneshelf_domain::ReservationId;
use oneshelf_domain::stock::Place;

use super::{Invariant, Walk};
use crate::store::StoreError;
use crate::store::audit::{self as rows, MovementLine};

/// Stock rows that are collected before they are compared.
const GROUP_ROWS: usize = 20_000;

/// (item, location).
type Key = (i64, i64);

fn named((item, location): Key) -> String {
    format!("item {item} at location {location}")
}

/// What movements say of one stock row.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// Units per place, added up.
    units: [i64; 12],
    /// Units per place, as the last movement there told.
    told: [i64; 12],
    /// Of the last movement.
    version: i64,
}

/// What movements say of some items.
#[derive(Debug, Default)]
struct Group {
    stock: BTreeMap<Key, Sums>,
    /// Units that reservations hold; whoever holds none is not in it.
    held: BTreeMap<(Key, ReservationId), i64>,
}

pub(super) async fn check(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let mut group = Group::default();
    let mut at = (0, 0, 0);
    // Items up to here were compared.
    let mut settled = 0;
    let mut seen = 0;
    loop {
        let mut tx = walk.store.read().await?;
        let page = rows::movements_by_item(&mut tx, at, walk.upto).await?;
        tx.rollback().await?;
        let Some(last) = page.last() else { break };
        let next = (last.item, last.version, last.line);
        for m in &page {
            if m.item != at.0 && group.stock.len() >= GROUP_ROWS {
                settle::settle(walk, std::mem::take(&mut group), settled, at.0).await?;
                settled = at.0;
            }
            at.0 = m.item;
            group.book(walk, m);
        }
        at = next;
        seen += page.len() as u64;
        walk.told("movements", seen);
    }
    settle::settle(walk, group, settled, i64::MAX).await?;
    lives(walk).await
}

impl Group {
    /// Adds a movement up.
    fn book(&mut self, walk: &mut Walk<'_>, m: &MovementLine) {
        for invariant in [Invariant::BalancesAfter, Invariant::NoNegativeBucket] {
            walk.checked(invariant, 1);
        }
        // A movement with an unknown place has no valid hash either, and is told of there.
        let (Some(from), Some(to)) =
            (Place::from_name(&m.from_place), Place::from_name(&m.to_place))
        else {
            return;
        };
        self.shift(walk, m, (m.item, m.from_location), from, (-m.quantity, m.from_after));
        self.shift(walk, m, (m.item, m.to_location), to, (m.quantity, m.to_after));
        let Some(id) = m.reservation.as_deref().and_then(|id| id.parse().ok()) else { return };
        // Picking keeps them with their reservation.
        match (holds(from), holds(to)) {
            (true, false) => self.hold(walk, m, ((m.item, m.from_location), id), -m.quantity),
            (false, true) => self.hold(walk, m, ((m.item, m.to_location), id), m.quantity),
            // A transfer takes them along.
            (true, true) if m.from_location != m.to_location => {
                self.hold(walk, m, ((m.item, m.from_location), id), -m.quantity);
                self.hold(walk, m, ((m.item, m.to_location), id), m.quantity);
            }
            _ => {}
        }
    }

    fn shift(
        &mut self,
        walk: &mut Walk<'_>,
        m: &MovementLine,
        key: Key,
        place: Place,
        (by, after): (i64, i64),
    ) {
        let row = self.stock.entry(key).or_default();
        let at = place.index();
        let expected = row.told[at] + by;
        row.units[at] += by;
        row.told[at] = after;
        row.version = m.version;
        let subject = || format!("version {} line {}", m.version, m.line);
        if after != expected {
            let detail = format!("{} {} is {after} and not {expected}", named(key), place.name());
            walk.broken(Invariant::BalancesAfter, subject(), detail);
        }
        if place.is_bucket() && after < 0 {
            let detail = format!("{} {} is {after}", named(key), place.name());
            walk.broken(Invariant::NoNegativeBucket, subject(), detail);
        }
    }

    fn hold(&mut self, walk: &mut Walk<'_>, m: &MovementLine, key: (Key, ReservationId), by: i64) {
        let units = self.held.remove(&key).unwrap_or_default() + by;
        if units < 0 {
            let detail =
                format!("version {} takes {} units that it does not hold", m.version, -units);
            walk.broken(Invariant::ReservationsEndOnce, key.1.to_string(), detail);
        } else if units != 0 {
            self.held.insert(key, units);
        }
    }
}

/// Places whose units belong to reservations.
const fn holds(place: Place) -> bool {
    matches!(place, Place::Reserved | Place::Picked)
}

/// One incarnation at most speaks for a store.
async fn lives(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let mut tx = walk.store.read().await?;
    let stores = rows::stores_with_two_lives(&mut tx).await?;
    tx.rollback().await?;
    for store in stores {
        let detail = format!("{} incarnations speak for it", store.lives);
        let subject = format!("location {}", store.location);
        walk.broken(Invariant::ShareMatchesIncarnations, subject, detail);
    }
    Ok(())
}
