//! What units do when no command names their way: drawn, healed, put in doubt.
//!
//! reference/shares.md section 4. Invariant: what cannot be found in a bucket is booked openly as
//! a discrepancy; nothing is clamped, and picked goods are never taken.

use std::collections::BTreeSet;

use super::draft::{Draft, Shift};
use super::{Incarnation, Place, Reason, Reservation, ReservationState, StockKey, Stop};
use crate::id::IncarnationId;

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

impl Draft<'_> {
    /// What a count has booked already of units that a retired agent gave away: the adjustment
    /// turns into what really happened. Gives the rest.
    pub fn booked_before(
        &mut self,
        i: &Incarnation,
        key: StockKey,
        quantity: i64,
        (to, reason): (Place, Reason),
    ) -> Result<i64, Stop> {
        if !i.retired || quantity == 0 {
            return Ok(quantity);
        }
        let mut share = self.share(key, i.id)?;
        let booked = quantity.min(share.written_off.max(0));
        share.written_off -= booked;
        self.put_share(key, i.id, share);
        let from = Place::Adjustment;
        self.shift(Shift { key, from, to, quantity: booked, reason, reservation: None })?;
        Ok(quantity - booked)
    }

    /// Takes units that no live share covers: doubt, available, reserved (what was given up first,
    /// then holds, youngest first; picked never), then discrepancy. reference/shares.md section 4.
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
        // Before doubt moves: what of it becomes available counts once.
        let available = self.stock(draw.key)?.available();
        if rest > 0 && self.stock(draw.key)?.at(Place::InDoubt) > 0 {
            let taken = self.draw_doubt(&draw, rest)?;
            if draw.to != Place::InDoubt {
                self.shift(shift(Place::InDoubt, taken))?;
            }
            rest -= taken;
        }
        let taken = rest.min(available);
        if draw.to != Place::Available {
            self.shift(shift(Place::Available, taken))?;
        }
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
        // What was given up is nobody's promise any more.
        let turn = |r: &Reservation| match r.state {
            ReservationState::Releasing => 0,
            ReservationState::Held => 1,
            _ => 2,
        };
        open.sort_by_key(|r| (turn(r), std::cmp::Reverse((r.created, r.id))));
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
            if r.state.is_awaited() {
                self.notice("reservation_short", id.to_string(), "a register sold its units");
            } else if r.lines.iter().all(|l| l.held() == 0) {
                r.state = ReservationState::Released; // nothing is left that a store could free
            }
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
        // The row knows the stored reservations; this command may have made others short.
        let waiting = row.short > 0 || self.reservations.values().any(|r| r.short_at(key) > 0);
        if !waiting || row.available() == owed {
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

    fn put_in_doubt(&mut self, key: StockKey, id: IncarnationId) -> Result<(), Stop> {
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
        let mut keys: BTreeSet<StockKey> =
            self.state.shares_of(id)?.into_iter().map(|(key, _)| key).collect();
        // What this command taught belongs to it too.
        keys.extend(self.shares.keys().filter(|(_, of)| *of == id).map(|(key, _)| *key));
        self.each(keys, |draft, key| draft.put_in_doubt(key, id))?;
        self.notice(
            "agent_retired",
            id.to_string(),
            "this agent's share is in doubt until counted; claims that wait for its word stay so",
        );
        Ok(())
    }
}
