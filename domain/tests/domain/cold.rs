//! The same decision from nothing: a state that has only what deciding asked for.
//!
//! It answers from what `World` remembers of changes, as a database would. Invariant: what is
//! decided does not depend on which rows were at hand, and a question is asked once.

use oneshelf_domain::stock::{
    At, Command, Decision, Key, Reservation, ReservationState, State, StockKey, Stop, decide,
};

use super::world::{World, open};

impl World {
    /// Decides on an empty state; gives the answer, and how many times rows were asked for.
    pub fn cold(&self, command: &Command, at: &At) -> (Result<Decision, Stop>, usize) {
        let mut state = State::default();
        state.records.clone_from(&self.state.records);
        state.lines.clone_from(&self.state.lines);
        let mut rounds = 0;
        loop {
            match decide(&state, command, at) {
                Err(Stop::Missing(keys)) => {
                    assert!(!keys.is_empty(), "a question names what it wants");
                    for key in keys {
                        assert!(!state.has(&key), "{key:?} was asked for twice");
                        self.answer(&mut state, key);
                    }
                    rounds += 1;
                }
                other => return (other, rounds),
            }
        }
    }

    fn answer(&self, state: &mut State, key: Key) {
        match &key {
            Key::Stock(k) => state.put_stock(*k, self.stock(*k)),
            Key::Reservation(id) => {
                state.put_reservation(*id, self.reservations.get(id).cloned());
            }
            Key::OpenReservations(k) => {
                let there = |r: &Reservation| r.lines.iter().any(|l| l.key() == *k);
                self.claims(state, |r| open(r.state) && there(r));
            }
            Key::HoldsOfShopper(shopper) => {
                self.claims(state, |r| held(r) && r.shopper.as_ref() == Some(shopper));
            }
            Key::HoldsFromAddress(address) => {
                self.claims(state, |r| held(r) && r.address.as_ref() == Some(address));
            }
            Key::Item(sku) => {
                state.put_item(sku.clone(), self.state.item(sku).ok().flatten().cloned());
            }
            Key::ItemNo(no) => match self.state.item_by_no(*no) {
                Ok(Some(item)) => state.put_item(item.sku.clone(), Some(item.clone())),
                _ => state.put_no_item(*no),
            },
            Key::Barcode(b) => {
                state.put_barcode(b.clone(), self.state.barcode_owner(b).ok().flatten());
            }
            Key::Incarnation(id) => {
                state.put_incarnation(*id, self.incarnations.get(id).cloned());
            }
            Key::IncarnationsAt(location) => {
                for i in self.incarnations.values().filter(|i| i.location == *location) {
                    state.put_incarnation(i.id, Some(i.clone()));
                }
            }
            Key::SharesAt(k) => self.owned(state, |of, _| of == k),
            Key::SharesOf(id) => self.owned(state, |_, who| who == id),
        }
        if !state.has(&key) {
            state.loaded(key);
        }
    }

    fn claims(&self, state: &mut State, wanted: impl Fn(&Reservation) -> bool) {
        for r in self.reservations.values().filter(|r| wanted(r)) {
            state.put_reservation(r.id, Some(r.clone()));
        }
    }

    fn owned(
        &self,
        state: &mut State,
        wanted: impl Fn(&StockKey, &oneshelf_domain::IncarnationId) -> bool,
    ) {
        for ((key, id), share) in self.shares.iter().filter(|((key, id), _)| wanted(key, id)) {
            state.put_share(*key, *id, *share);
        }
    }
}

fn held(r: &Reservation) -> bool {
    r.state == ReservationState::Held
}
