//! A decision in the making: reads through to the state, sees its own writes.
//!
//! Invariant: every unit that leaves a place here arrives at another; the draft refuses nothing
//! itself, its callers check before they move.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    At, Change, Decision, Incarnation, ItemNo, Key, LocationNo, Movement, Notice, Outcome, Place,
    Reason, Reservation, Share, Spot, State, Stock, StockKey, Stop, TimerChange,
};
use crate::id::{IncarnationId, ReservationId};
use crate::record::{Location, RecordState};
use crate::refusal::Refusal;

pub(super) struct Draft<'a> {
    pub state: &'a State,
    pub at: &'a At,
    stock: BTreeMap<StockKey, Stock>,
    pub(super) reservations: BTreeMap<ReservationId, Reservation>,
    incarnations: BTreeMap<IncarnationId, Incarnation>,
    pub(super) shares: BTreeMap<(StockKey, IncarnationId), Share>,
    movements: Vec<Movement>,
    others: Vec<Change>,
    timers: Vec<TimerChange>,
    notices: Vec<Notice>,
}

/// One shift of units within a location.
#[derive(Clone, Copy)]
pub(super) struct Shift {
    pub key: StockKey,
    pub from: Place,
    pub to: Place,
    pub quantity: i64,
    pub reason: Reason,
    pub reservation: Option<ReservationId>,
}

impl<'a> Draft<'a> {
    pub fn new(state: &'a State, at: &'a At) -> Self {
        Self {
            state,
            at,
            stock: BTreeMap::new(),
            reservations: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            shares: BTreeMap::new(),
            movements: vec![],
            others: vec![],
            timers: vec![],
            notices: vec![],
        }
    }

    pub fn finish(self, outcome: Outcome) -> Decision {
        let mut changes = self.others;
        // Incarnations of a store are ordered by the version that first saw them.
        let new = |i: &Incarnation| !matches!(self.state.incarnation(i.id), Ok(Some(_)));
        let versioned_rows = !changes.is_empty()
            || self.incarnations.values().any(new)
            || !self.shares.is_empty()
            || !self.reservations.is_empty()
            || !self.notices.is_empty();
        changes.extend(self.reservations.into_values().map(|r| Change::Reservation(Box::new(r))));
        changes.extend(self.incarnations.into_values().map(|i| Change::Incarnation(Box::new(i))));
        changes.extend(self.shares.into_iter().map(|((k, i), s)| Change::Share(k, i, s)));
        // Lease rows alone are no change that anybody else could see.
        let versioned = versioned_rows
            || !self.movements.is_empty()
            || matches!(outcome, Outcome::Booked { .. } | Outcome::NotBooked { .. });
        Decision {
            outcome,
            movements: self.movements,
            changes,
            timers: self.timers,
            notices: self.notices,
            versioned,
        }
    }

    pub fn stock(&self, key: StockKey) -> Result<Stock, Stop> {
        self.stock.get(&key).copied().map_or_else(|| self.state.stock(key), Ok)
    }

    /// Asks for all that is missing at once: lines and parts are more than deciding may ask times.
    pub fn at_hand(&self, keys: impl IntoIterator<Item = Key>) -> Result<(), Stop> {
        let missing = keys.into_iter().filter(|key| !self.state.has(key));
        asked(missing.collect())
    }

    /// The same for rows of stock.
    pub fn rows(&self, keys: impl IntoIterator<Item = StockKey>) -> Result<(), Stop> {
        self.at_hand(keys.into_iter().map(Key::Stock))
    }

    /// Does the same for each, and asks for the rows that they lack together. What stops one for
    /// good is heard once all before it had their rows: it may follow from what they did.
    pub fn each<T>(
        &mut self,
        all: impl IntoIterator<Item = T>,
        mut one: impl FnMut(&mut Self, T) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut missing = BTreeSet::new();
        for this in all {
            match one(self, this) {
                Err(Stop::Missing(keys)) => missing.extend(keys),
                Err(_) if !missing.is_empty() => break,
                other => other?,
            }
        }
        asked(missing)
    }

    pub fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, Stop> {
        match self.reservations.get(&id) {
            Some(r) => Ok(Some(r.clone())),
            None => Ok(self.state.reservation(id)?.cloned()),
        }
    }

    pub fn put_reservation(&mut self, mut reservation: Reservation) {
        reservation.version = self.at.version;
        self.reservations.insert(reservation.id, reservation);
    }

    pub fn incarnation(&self, id: IncarnationId) -> Result<Option<Incarnation>, Stop> {
        match self.incarnations.get(&id) {
            Some(i) => Ok(Some(i.clone())),
            None => Ok(self.state.incarnation(id)?.cloned()),
        }
    }

    pub fn put_incarnation(&mut self, incarnation: Incarnation) {
        self.incarnations.insert(incarnation.id, incarnation);
    }

    /// All incarnations of a store, oldest first, as they are in this draft.
    pub fn incarnations_at(&self, location: LocationNo) -> Result<Vec<Incarnation>, Stop> {
        let mut all: Vec<Incarnation> = self
            .state
            .incarnations_at(location)?
            .into_iter()
            .map(|i| self.incarnations.get(&i.id).unwrap_or(i).clone())
            .collect();
        for new in self.incarnations.values().filter(|i| i.location == location) {
            if !all.iter().any(|i| i.id == new.id) {
                all.push(new.clone());
            }
        }
        all.sort_by_key(|i| (i.created, i.id));
        Ok(all)
    }

    /// The incarnation that speaks for a store.
    pub fn current(&self, location: LocationNo) -> Result<Option<Incarnation>, Stop> {
        Ok(self.incarnations_at(location)?.into_iter().rev().find(|i| !i.retired))
    }

    pub fn share(&self, key: StockKey, id: IncarnationId) -> Result<Share, Stop> {
        match self.shares.get(&(key, id)) {
            Some(s) => Ok(*s),
            None => self.state.share(key, id),
        }
    }

    pub fn put_share(&mut self, key: StockKey, id: IncarnationId, share: Share) {
        self.shares.insert((key, id), share);
    }

    pub fn push(&mut self, change: Change) {
        self.others.push(change);
    }

    pub fn timer(&mut self, change: TimerChange) {
        self.timers.push(change);
    }

    /// Says in other words why this command gave notices of a code.
    pub fn explain(&mut self, code: &str, text: &str) {
        for notice in self.notices.iter_mut().filter(|n| n.code == code) {
            text.clone_into(&mut notice.text);
        }
    }

    pub fn notice(&mut self, code: &str, subject: String, text: &str) {
        self.notices.push(Notice { code: code.to_owned(), subject, text: text.to_owned() });
    }

    /// A location that is in use, or the refusal that says what is wrong.
    pub fn open_location(&self, no: LocationNo) -> Result<&Location, Refusal> {
        let location = self.known_location(no)?;
        match location.state {
            RecordState::Active => Ok(location),
            RecordState::Retired => Err(Refusal::LocationRetired),
        }
    }

    /// A location, in use or not.
    pub fn known_location(&self, no: LocationNo) -> Result<&Location, Refusal> {
        let unknown = || Refusal::LocationUnknown { location: no.0.to_string() };
        self.state.records.location_by_no(no).ok_or_else(unknown)
    }

    /// Whether a shelf that this decision changes was changed by a command after a version.
    pub fn changed_after(&self, version: super::Version) -> Result<bool, Stop> {
        for key in self.stock.keys() {
            if self.state.stock(*key)?.version > version {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub fn shift(&mut self, s: Shift) -> Result<(), Stop> {
        self.carry(s, s.key.location)
    }

    /// The same, to a place of another location.
    pub fn carry(&mut self, s: Shift, to: LocationNo) -> Result<(), Stop> {
        // What stays where it is has not moved.
        if s.quantity == 0 || (s.from, s.key.location) == (s.to, to) {
            return Ok(());
        }
        let to_key = Self::key(s.key.item, to);
        let mut left = self.stock(s.key)?;
        left.balances[s.from.index()] -= s.quantity;
        self.stock.insert(s.key, left);
        let mut reached = self.stock(to_key)?;
        reached.balances[s.to.index()] += s.quantity;
        self.stock.insert(to_key, reached);
        self.movements.push(Movement {
            item: s.key.item,
            from: Spot { location: s.key.location, place: s.from },
            to: Spot { location: to, place: s.to },
            quantity: s.quantity,
            from_after: left.at(s.from),
            to_after: reached.at(s.to),
            reason: s.reason,
            reservation: s.reservation,
        });
        Ok(())
    }

    /// Item keys of a list, for one location.
    pub fn key(item: ItemNo, location: LocationNo) -> StockKey {
        StockKey { item, location }
    }
}

/// A question for these, when there are any.
fn asked(missing: BTreeSet<Key>) -> Result<(), Stop> {
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Stop::Missing(missing.into_iter().collect())),
    }
}
