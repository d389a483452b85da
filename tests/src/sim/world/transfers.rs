//! The office sends goods from place to place, and the people of the warehouse take them in.

use oneshelf_domain::stock::{ArrivedLine, Command};
use oneshelf_domain::{CommandId, ReservationId};
use uuid::Uuid;

use super::World;
use super::customers::{Order, Phase, What};
use crate::sim::audit::{Deed, Parcel};
use crate::sim::names::{ITEMS, PLACES, STORES, WAREHOUSE};
use crate::sim::store::unpacking;

impl World {
    /// Somebody in the office wants goods at another place.
    pub(super) fn sends_goods(&mut self) {
        let rng = &mut self.scene.rng;
        let from = rng.below(PLACES.len());
        let to = (from + 1 + rng.below(PLACES.len() - 1)) % PLACES.len();
        let mut lines = vec![(rng.below(ITEMS.len()), rng.between(1, 2))];
        if rng.chance(300) {
            lines.push((rng.below(ITEMS.len()), 1));
        }
        let numbers = &self.hub.numbers;
        let command = Command::Transfer {
            from: numbers.places[from],
            to: numbers.places[to],
            via: None,
            lines: lines.iter().map(|(item, units)| (numbers.items[*item], *units)).collect(),
            reference: None,
        };
        if from < STORES && self.scene.cut_for(from).is_some() {
            self.scene.counts.flow("asked for goods of a store whose line is down");
        }
        let id = CommandId(self.scene.id());
        let (phase, hold) = (Phase::Asked, false);
        let order = self.customers.new_order(Order {
            id: ReservationId(id.0),
            place: from,
            lines,
            hold,
            to: Some(to),
            phase,
        });
        self.request(id, command, What::Transfer, order);
    }

    /// A parcel is taken in at the warehouse: one at a time, until the hub has answered.
    pub(super) fn takes_in(&mut self) {
        let Some(of) = unpacking(&mut self.scene, WAREHOUSE) else { return };
        let busy = &mut self.customers.unpacking;
        if busy.values().any(|transfer| *transfer == of.transfer) {
            return;
        }
        let id = CommandId(self.scene.id());
        busy.insert(id, of.transfer);
        let items = &self.hub.numbers.items;
        let line = |(item, good, damaged): &(usize, i64, i64)| ArrivedLine {
            item: items[*item],
            good: *good,
            damaged: *damaged,
        };
        let command = Command::ReceiveTransfer {
            id: ReservationId(Uuid::from_u128(of.transfer)),
            lines: of.lines.iter().map(line).collect(),
            close: of.close,
        };
        self.scene.audit.will(id.0.as_u128(), Deed::Unpacks(of));
        self.request(id, command, What::Unpack, 0);
    }

    /// The goods of an order of the warehouse that is a transfer leave with the hub's commit.
    pub(super) fn sets_off(&mut self, step: CommandId, order: &Order) {
        let Some(to) = order.to else { return };
        let mut units = std::collections::BTreeMap::new();
        for (item, n) in &order.lines {
            *units.entry(*item).or_default() += n;
        }
        let parcel = Parcel { transfer: order.id.0.as_u128(), from: order.place, to, units };
        self.scene.audit.will(step.0.as_u128(), Deed::SetsOff(parcel));
    }
}
