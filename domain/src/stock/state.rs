//! The rows that deciding needs, and asking for those that were not given.
//!
//! A state knows which rows it was given: an absent row that was loaded is a fact ("no such
//! reservation"), one that was not loaded is a question ([`Stop::Missing`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    Change, Decision, Incarnation, ItemNo, LocationNo, Place, Reservation, Share, Stock, StockKey,
    Version,
};
use crate::code::{Barcode, Sku};
use crate::id::{IncarnationId, ReservationId};
use crate::item::Item;
use crate::promise::Lines;
use crate::record::Records;
use crate::refusal::Refusal;

/// Something that can be loaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A stock row.
    Stock(StockKey),
    /// A reservation with its lines.
    Reservation(ReservationId),
    /// All open reservations with a line there.
    OpenReservations(StockKey),
    /// Live holds of a shopper.
    HoldsOfShopper(String),
    /// Live holds from an address.
    HoldsFromAddress(String),
    /// An item by SKU.
    Item(Sku),
    /// An item by number.
    ItemNo(ItemNo),
    /// Who has a barcode.
    Barcode(Barcode),
    /// One incarnation.
    Incarnation(IncarnationId),
    /// All incarnations of a store.
    IncarnationsAt(LocationNo),
    /// What every incarnation owns of an item there.
    SharesAt(StockKey),
    /// Everything that one incarnation owns.
    SharesOf(IncarnationId),
}

/// Why deciding stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// A rule says no.
    Refused(Refusal),
    /// Rows are needed first.
    Missing(Vec<Key>),
    /// Not now: nothing is remembered of it, the sender tries again (a gap in a log, an old
    /// session).
    NotNow(&'static str),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

/// The rows at hand.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Settings and rights: always whole.
    pub records: Records,
    /// How the lines to the stores look: of the moment, as the clock is, and stored nowhere.
    pub lines: Arc<Lines>,
    stock: BTreeMap<StockKey, Stock>,
    reservations: BTreeMap<ReservationId, Option<Reservation>>,
    by_stock: BTreeMap<StockKey, BTreeSet<ReservationId>>,
    /// Live holds, by the lists that name them.
    held_by: BTreeMap<Key, BTreeSet<ReservationId>>,
    items: BTreeMap<Sku, Option<Item>>,
    skus: BTreeMap<ItemNo, Option<Sku>>,
    barcodes: BTreeMap<Barcode, Option<ItemNo>>,
    incarnations: BTreeMap<IncarnationId, Option<Incarnation>>,
    shares: BTreeMap<(StockKey, IncarnationId), Share>,
    whole: BTreeSet<Key>,
}

fn missing<T>(key: Key) -> Result<T, Stop> {
    Err(Stop::Missing(vec![key]))
}

impl State {
    /// Says that everything under a key (a list) was loaded.
    pub fn loaded(&mut self, key: Key) {
        self.whole.insert(key);
    }

    /// True when a key was loaded, so that a loader need not ask again.
    pub fn has(&self, key: &Key) -> bool {
        match key {
            Key::Stock(k) => self.stock.contains_key(k),
            Key::Reservation(id) => self.reservations.contains_key(id),
            Key::Item(sku) => self.items.contains_key(sku),
            Key::ItemNo(no) => self.skus.contains_key(no),
            Key::Barcode(b) => self.barcodes.contains_key(b),
            Key::Incarnation(id) => self.incarnations.contains_key(id),
            other => self.whole.contains(other),
        }
    }

    /// Puts a loaded stock row in.
    pub fn put_stock(&mut self, key: StockKey, stock: Stock) {
        self.stock.insert(key, stock);
    }

    /// Puts a loaded reservation in, or the knowledge that there is none.
    pub fn put_reservation(&mut self, id: ReservationId, reservation: Option<Reservation>) {
        if let Some(before) = self.reservations.get(&id).and_then(Option::as_ref) {
            // The goods of a transfer leave the place where they were claimed.
            for line in &before.lines {
                self.by_stock.entry(line.key()).or_default().remove(&id);
            }
        }
        if let Some(r) = &reservation {
            for line in &r.lines {
                let open = self.by_stock.entry(line.key()).or_default();
                if r.state.is_open() {
                    open.insert(id);
                } else {
                    open.remove(&id);
                }
            }
            let shopper = r.shopper.clone().map(Key::HoldsOfShopper);
            let address = r.address.clone().map(Key::HoldsFromAddress);
            for list in shopper.into_iter().chain(address) {
                let held = self.held_by.entry(list).or_default();
                if r.state == super::ReservationState::Held {
                    held.insert(id);
                } else {
                    held.remove(&id);
                }
            }
        }
        self.reservations.insert(id, reservation);
    }

    /// Puts a loaded item in, or the knowledge that there is none.
    pub fn put_item(&mut self, sku: Sku, item: Option<Item>) {
        if let Some(i) = &item {
            self.skus.insert(i.no, Some(sku.clone()));
            for barcode in &i.details.barcodes {
                self.barcodes.insert(barcode.clone(), Some(i.no));
            }
        }
        self.items.insert(sku, item);
    }

    /// Says that no item has this number.
    pub fn put_no_item(&mut self, no: ItemNo) {
        self.skus.insert(no, None);
    }

    /// Puts a barcode's owner in.
    pub fn put_barcode(&mut self, barcode: Barcode, owner: Option<ItemNo>) {
        self.barcodes.insert(barcode, owner);
    }

    /// Puts an incarnation in, or the knowledge that there is none.
    pub fn put_incarnation(&mut self, id: IncarnationId, incarnation: Option<Incarnation>) {
        self.incarnations.insert(id, incarnation);
    }

    /// Puts what an incarnation owns of an item in.
    pub fn put_share(&mut self, key: StockKey, incarnation: IncarnationId, share: Share) {
        self.shares.insert((key, incarnation), share);
    }

    pub fn stock(&self, key: StockKey) -> Result<Stock, Stop> {
        self.stock.get(&key).copied().map_or_else(|| missing(Key::Stock(key)), Ok)
    }

    pub fn reservation(&self, id: ReservationId) -> Result<Option<&Reservation>, Stop> {
        match self.reservations.get(&id) {
            Some(r) => Ok(r.as_ref()),
            None => missing(Key::Reservation(id)),
        }
    }

    /// Ids of the open reservations with a line there.
    pub fn open_reservations(&self, key: StockKey) -> Result<Vec<ReservationId>, Stop> {
        if !self.whole.contains(&Key::OpenReservations(key)) {
            return missing(Key::OpenReservations(key));
        }
        Ok(self.by_stock.get(&key).into_iter().flatten().copied().collect())
    }

    /// Live holds of a list ([`Key::HoldsOfShopper`] or [`Key::HoldsFromAddress`]); it must have
    /// been loaded.
    pub fn live_holds(&self, list: &Key) -> Result<Vec<&Reservation>, Stop> {
        if !self.whole.contains(list) {
            return missing(list.clone());
        }
        let ids = self.held_by.get(list).into_iter().flatten();
        Ok(ids.filter_map(|id| self.reservations.get(id)?.as_ref()).collect())
    }

    pub fn item(&self, sku: &Sku) -> Result<Option<&Item>, Stop> {
        match self.items.get(sku) {
            Some(i) => Ok(i.as_ref()),
            None => missing(Key::Item(sku.clone())),
        }
    }

    pub fn item_by_no(&self, no: ItemNo) -> Result<Option<&Item>, Stop> {
        match self.skus.get(&no) {
            Some(Some(sku)) => self.item(sku),
            Some(None) => Ok(None),
            None => missing(Key::ItemNo(no)),
        }
    }

    pub fn barcode_owner(&self, barcode: &Barcode) -> Result<Option<ItemNo>, Stop> {
        match self.barcodes.get(barcode) {
            Some(owner) => Ok(*owner),
            None => missing(Key::Barcode(barcode.clone())),
        }
    }

    pub fn incarnation(&self, id: IncarnationId) -> Result<Option<&Incarnation>, Stop> {
        match self.incarnations.get(&id) {
            Some(i) => Ok(i.as_ref()),
            None => missing(Key::Incarnation(id)),
        }
    }

    /// All incarnations of a store, oldest first.
    pub fn incarnations_at(&self, location: LocationNo) -> Result<Vec<&Incarnation>, Stop> {
        if !self.whole.contains(&Key::IncarnationsAt(location)) {
            return missing(Key::IncarnationsAt(location));
        }
        let mut all: Vec<&Incarnation> =
            self.incarnations.values().flatten().filter(|i| i.location == location).collect();
        all.sort_by_key(|i| (i.created, i.id));
        Ok(all)
    }

    pub fn share(&self, key: StockKey, incarnation: IncarnationId) -> Result<Share, Stop> {
        if let Some(share) = self.shares.get(&(key, incarnation)) {
            return Ok(*share);
        }
        let whole = self.whole.contains(&Key::SharesAt(key))
            || self.whole.contains(&Key::SharesOf(incarnation));
        if whole { Ok(Share::default()) } else { missing(Key::SharesAt(key)) }
    }

    /// Everything that one incarnation owns.
    pub fn shares_of(&self, incarnation: IncarnationId) -> Result<Vec<(StockKey, Share)>, Stop> {
        if !self.whole.contains(&Key::SharesOf(incarnation)) {
            return missing(Key::SharesOf(incarnation));
        }
        let mine = |((key, i), share): (&(StockKey, IncarnationId), &Share)| {
            (*i == incarnation).then_some((*key, *share))
        };
        Ok(self.shares.iter().filter_map(mine).collect())
    }

    /// How many rows are at hand, so that a shell can bound what it keeps.
    pub fn rows(&self) -> usize {
        self.stock.len()
            + self.reservations.len()
            + self.items.len()
            + self.barcodes.len()
            + self.shares.len()
            + self.whole.len()
    }

    /// Stock rows at hand, for writing them out.
    pub fn all_stock(&self) -> impl Iterator<Item = (StockKey, Stock)> {
        self.stock.iter().map(|(k, s)| (*k, *s))
    }

    /// Applies a decision made against this very state.
    ///
    /// # Panics
    /// When a bucket would go below zero, a balance does not match the decision or a row is not
    /// at hand: the decision was not made against this state, and nothing of the batch may be
    /// stored.
    pub fn apply(&mut self, decision: &Decision, version: Version) {
        for m in &decision.movements {
            let from = self.shift(m.item, m.from.location, m.from.place, -m.quantity, version);
            let to = self.shift(m.item, m.to.location, m.to.place, m.quantity, version);
            assert!(m.quantity > 0, "a movement moves at least one unit: {m:?}");
            assert_eq!((from, to), (m.from_after, m.to_after), "stale movement {m:?}");
        }
        for change in &decision.changes {
            self.change(change, version);
        }
    }

    fn shift(
        &mut self,
        item: ItemNo,
        location: LocationNo,
        place: Place,
        by: i64,
        version: Version,
    ) -> i64 {
        let row = self.stock.entry(StockKey { item, location }).or_default();
        let balance = &mut row.balances[place.index()];
        *balance += by;
        assert!(!place.is_bucket() || *balance >= 0, "{} below zero", place.name());
        row.version = version;
        *balance
    }

    fn change(&mut self, change: &Change, version: Version) {
        match change {
            Change::Item { item, dropped } => {
                for barcode in dropped {
                    self.barcodes.insert(barcode.clone(), None);
                }
                self.put_item(item.sku.clone(), Some((**item).clone()));
            }
            Change::Record(record) => self.records.put(version, (**record).clone()),
            Change::RecordGone(key) => self.records.remove(key),
            Change::Reservation(new) => {
                let old = self.reservations.get(&new.id).cloned().flatten();
                let before = old.iter().flat_map(|r| &r.lines);
                let keys: BTreeSet<StockKey> = before.chain(&new.lines).map(|l| l.key()).collect();
                for key in keys {
                    let before = old.as_ref().map_or(0, |r| r.short_at(key));
                    let by = new.short_at(key) - before;
                    if by != 0 {
                        assert!(self.stock.contains_key(&key), "no row for what {} lacks", new.id);
                        let row = self.stock.entry(key).or_default();
                        row.short += by;
                        row.version = version;
                    }
                }
                self.put_reservation(new.id, Some((**new).clone()));
            }
            Change::Incarnation(i) => self.put_incarnation(i.id, Some((**i).clone())),
            Change::Share(key, incarnation, share) => self.put_share(*key, *incarnation, *share),
            Change::Sale { .. } => {}
        }
    }
}
