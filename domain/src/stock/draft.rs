//! A decision in the making: reads through to the state, sees its own writes.
//!
//! Invariant: every unit that leaves a place here arrives at another; the draft refuses nothing
//! itself, its callers check before they move.

use std::collections::BTreeMap;

use super::{
    At, Change, Decision, Incarnation, ItemNo, LocationNo, Movement, Notice, Outcome, Place,
    Reason, Reservation, ReservationState, Share, Spot, State, Stock, StockKey, Stop, TimerChange,
};
use crate::id::{IncarnationId, ReservationId};
use crate::refusal::Refusal;

pub(super) struct Draft<'a> {
    pub state: &'a State,
    pub at: &'a At,
    stock: BTreeMap<StockKey, Stock>,
    reservations: BTreeMap<ReservationId, Reservation>,
    incarnations: BTreeMap<IncarnationId, Incarnation>,
    shares: BTreeMap<(StockKey, IncarnationId), Share>,
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

/// Units that left the shelf and that no live share covers.
#[derive(Clone, Copy)]
pub(super) struct Draw {
    pub key: StockKey,
    pub quantity: i64,
    pub to: Place,
    pub reason: Reason,
    /// This incarnation's doubt comes first.
    pub first: Option<IncarnationId>,
    /// Every doubt of the store may be drawn, not that of copies alone.
    pub any_doubt: bool,
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
        let versioned_rows = !changes.is_empty()
            || !self.shares.is_empty()
            || !self.reservations.is_empty()
            || !self.notices.is_empty();
        changes.extend(self.reservations.into_values().map(|r| Change::Reservation(Box::new(r))));
        changes.extend(self.incarnations.into_values().map(|i| Change::Incarnation(Box::new(i))));
        changes.extend(self.shares.into_iter().map(|((k, i), s)| Change::Share(k, i, s)));
        // Lease rows alone are no change that anybody else could see.
        let versioned = versioned_rows
            || !self.movements.is_empty()
            || matches!(outcome, Outcome::Booked { .. });
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

    pub fn notice(&mut self, code: &str, subject: String, text: &str) {
        self.notices.push(Notice { code: code.to_owned(), subject, text: text.to_owned() });
    }

    /// A location that is in use, or the refusal that says what is wrong.
    pub fn open_location(&self, no: LocationNo) -> Result<&crate::record::Location, Refusal> {
        let location = self
            .state
            .records
            .location_by_no(no)
            .ok_or_else(|| Refusal::LocationUnknown { location: no.0.to_string() })?;
        match location.state {
            crate::record::RecordState::Active => Ok(location),
            crate::record::RecordState::Retired => Err(Refusal::LocationRetired),
        }
    }

    pub fn shift(&mut self, s: Shift) -> Result<(), Stop> {
        if s.quantity == 0 {
            return Ok(());
        }
        let mut row = self.stock(s.key)?;
        row.balances[s.from.index()] -= s.quantity;
        row.balances[s.to.index()] += s.quantity;
        let spot = |place| Spot { location: s.key.location, place };
        self.movements.push(Movement {
            item: s.key.item,
            from: spot(s.from),
            to: spot(s.to),
            quantity: s.quantity,
            from_after: row.at(s.from),
            to_after: row.at(s.to),
            reason: s.reason,
            reservation: s.reservation,
        });
        self.stock.insert(s.key, row);
        Ok(())
    }

    /// Takes units that no live share covers: doubt, available, reserved (holds first, youngest
    /// first; picked never), then discrepancy. reference/shares.md section 4.
    pub fn draw(&mut self, draw: Draw) -> Result<(), Stop> {
        let mut rest = draw.quantity;
        let shift = |from, quantity| Shift {
            key: draw.key,
            from,
            to: draw.to,
            quantity,
            reason: draw.reason,
            reservation: None,
        };
        if rest > 0 && self.stock(draw.key)?.at(Place::InDoubt) > 0 {
            let taken = self.draw_doubt(&draw, rest)?;
            if draw.to != Place::InDoubt {
                self.shift(shift(Place::InDoubt, taken))?;
            }
            rest -= taken;
        }
        let taken = rest.min(self.stock(draw.key)?.available());
        self.shift(shift(Place::Available, taken))?;
        rest -= taken;
        if rest > 0 {
            rest = self.draw_reserved(&draw, rest)?;
        }
        self.shift(shift(Place::Discrepancy, rest))
    }

    fn draw_doubt(&mut self, draw: &Draw, wanted: i64) -> Result<i64, Stop> {
        let mut order = self.incarnations_at(draw.key.location)?;
        order.sort_by_key(|i| Some(i.id) != draw.first);
        let mut taken = 0;
        for i in order {
            // The doubt of one that can still speak is kept for its own facts.
            if Some(i.id) != draw.first && !i.forked && !draw.any_doubt {
                continue;
            }
            let mut share = self.share(draw.key, i.id)?;
            let part = share.doubt.min(wanted - taken);
            if part > 0 {
                share.doubt -= part;
                taken += part;
                self.put_share(draw.key, i.id, share);
            }
        }
        Ok(taken)
    }

    fn draw_reserved(&mut self, draw: &Draw, wanted: i64) -> Result<i64, Stop> {
        let mut open = vec![];
        for id in self.state.open_reservations(draw.key)? {
            if let Some(r) = self.reservation(id)?.filter(|r| r.state.is_reserved()) {
                open.push(r);
            }
        }
        let unpaid = |r: &Reservation| r.state == ReservationState::Held;
        open.sort_by_key(|r| (!unpaid(r), std::cmp::Reverse((r.created, r.id))));
        let mut rest = wanted;
        for mut r in open {
            let mut moved = 0;
            for line in r.lines.iter_mut().filter(|l| l.key() == draw.key) {
                let part = line.held().min(rest - moved);
                line.short += part;
                moved += part;
            }
            if moved == 0 {
                continue;
            }
            let id = r.id;
            self.shift(Shift {
                key: draw.key,
                from: Place::Reserved,
                to: draw.to,
                quantity: moved,
                reason: draw.reason,
                reservation: Some(id),
            })?;
            self.notice("reservation_short", id.to_string(), "a register sold its units");
            self.put_reservation(r);
            rest -= moved;
        }
        Ok(rest)
    }

    /// Units that arrived in available first repay the discrepancy, then fill short reservations,
    /// oldest first.
    pub fn heal(&mut self, key: StockKey) -> Result<(), Stop> {
        let row = self.stock(key)?;
        let owed = (-row.at(Place::Discrepancy)).max(0).min(row.available());
        self.shift(Shift {
            key,
            from: Place::Available,
            to: Place::Discrepancy,
            quantity: owed,
            reason: Reason::Heal,
            reservation: None,
        })?;
        if row.short == 0 || row.available() == owed {
            return Ok(());
        }
        let mut short = vec![];
        for id in self.state.open_reservations(key)? {
            if let Some(r) = self.reservation(id)?.filter(|r| r.short_at(key) > 0) {
                short.push(r);
            }
        }
        short.sort_by_key(|r| (r.created, r.id));
        for mut r in short {
            let mut moved = 0;
            let available = self.stock(key)?.available();
            for line in r.lines.iter_mut().filter(|l| l.key() == key) {
                let part = line.short.min(available - moved);
                line.short -= part;
                moved += part;
            }
            let to =
                if r.state == ReservationState::Picked { Place::Picked } else { Place::Reserved };
            self.shift(Shift {
                key,
                from: Place::Available,
                to,
                quantity: moved,
                reason: Reason::Heal,
                reservation: Some(r.id),
            })?;
            if moved > 0 {
                self.put_reservation(r);
            }
        }
        Ok(())
    }

    /// Ends an incarnation: what it owned is in doubt from now on.
    pub fn retire(&mut self, id: IncarnationId, forked: bool) -> Result<(), Stop> {
        let Some(mut i) = self.incarnation(id)? else { return Ok(()) };
        i.forked |= forked;
        let was_live = !i.retired;
        i.retired = true;
        self.put_incarnation(i);
        if forked {
            self.notice("agent_forked", id.to_string(), "this agent was restored or copied");
        }
        if !was_live {
            return Ok(());
        }
        for (key, _) in self.state.shares_of(id)? {
            let mut share = self.share(key, id)?;
            let owned = share.owned().max(0);
            share.doubt += owned;
            self.shift(Shift {
                key,
                from: Place::StoreShare,
                to: Place::InDoubt,
                quantity: owned,
                reason: Reason::Retire,
                reservation: None,
            })?;
            self.put_share(key, id, share);
        }
        self.notice(
            "agent_retired",
            id.to_string(),
            "this agent's share is in doubt until counted",
        );
        Ok(())
    }

    /// Item keys of a list, for one location.
    pub fn key(item: ItemNo, location: LocationNo) -> StockKey {
        StockKey { item, location }
    }
}
