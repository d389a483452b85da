//! Goods that leave a store for another place, and goods that come to it.
//!
//! Parcels are people's: no program knows of them. What is lost on the way, broken or slipped in,
//! happens between the shelves.

use std::collections::BTreeMap;

use oneshelf_domain::code::LocationCode;
use oneshelf_domain::{CommandId, ReservationId, Sku};
use oneshelf_protocol::frame::ArrivedUnits;
use oneshelf_protocol::replica::Row;

use super::Device;
use crate::sim::audit::{Parcel, Unpacked};
use crate::sim::names::{ITEMS, Numbers, PLACES};
use crate::sim::scene::Scene;

impl Device {
    /// Units of the share that no ticket holds go to another place, by the store's own decision.
    pub(super) fn send_away(&mut self, scene: &mut Scene, numbers: &Numbers) {
        let item = scene.rng.below(ITEMS.len());
        let to = (self.store + 1 + scene.rng.below(PLACES.len() - 1)) % PLACES.len();
        let units = scene.rng.between(1, 2);
        let sku = numbers.skus[item].clone();
        let there = scene.audit.on_shelf(self.store, item) - self.in_hands(&sku);
        let (id, now) = (CommandId(scene.id()), scene.stamp());
        let Some(agent) = &mut self.machine else { return };
        if there < units || agent.spare(&sku) < units {
            return;
        }
        let Ok(code) = LocationCode::new(PLACES[to]) else { unreachable!("a code") };
        let step = agent.act(&mut scene.ids, move |agent, _| {
            let lines = vec![(sku.clone(), units)];
            agent.send(id, (code.clone(), None), lines, now).unwrap_or_default()
        });
        if self.commit(scene, step, None) {
            scene.counts.flow("a store sent share");
            if scene.cut_for(self.store).is_some() {
                scene.counts.flow("a store sent share with its line down");
            }
            let (transfer, units) = (id.0.as_u128(), [(item, units)].into());
            scene.audit.sets_off(Parcel { transfer, from: self.store, to, units });
        }
    }

    /// The goods of a transfer that the office asked for leave, as far as the store's own copy
    /// knows of it: now and then fewer or more of them.
    pub(super) fn ship(&mut self, scene: &mut Scene, numbers: &Numbers) {
        let mut ready: Vec<(ReservationId, usize, BTreeMap<usize, i64>)> = vec![];
        for (id, row) in self.disk.open() {
            let Row::Reservation { state, lines, to: Some(to), .. } = row else { continue };
            let Some(to) = PLACES.iter().position(|code| code == to) else { continue };
            if state != "committed" || self.disk.handed.contains(id) {
                continue;
            }
            let mut units = BTreeMap::new();
            for (sku, quantity, short) in lines.iter().filter(|(_, n, short)| n > short) {
                *units.entry(numbers.sku(sku)).or_default() += quantity - short;
            }
            ready.push((*id, to, units));
        }
        if ready.is_empty() {
            return;
        }
        let (transfer, to, asked) = ready.swap_remove(scene.rng.below(ready.len()));
        let mut given = asked.clone();
        match scene.rng.below(8) {
            0..3 => {
                // One is not found, or the driver takes none of this item.
                let item = asked.keys().copied().nth(scene.rng.below(asked.len()));
                if let Some(units) = item.and_then(|item| given.get_mut(&item)) {
                    *units -= 1;
                }
            }
            3..5 => *given.entry(scene.rng.below(ITEMS.len())).or_default() += 1,
            _ => {}
        }
        given.retain(|_, units| *units > 0);
        let there = |(item, units): (&usize, &i64)| {
            let in_hands = self.in_hands(&numbers.skus[*item]);
            scene.audit.on_shelf(self.store, *item) - in_hands >= *units
        };
        if !given.is_empty() && given.iter().all(there) {
            self.gives_to_driver(scene, numbers, (transfer, to), &asked, given);
        }
    }

    fn gives_to_driver(
        &mut self,
        scene: &mut Scene,
        numbers: &Numbers,
        (transfer, to): (ReservationId, usize),
        asked: &BTreeMap<usize, i64>,
        given: BTreeMap<usize, i64>,
    ) {
        let lines: Vec<(Sku, i64)> =
            given.iter().map(|(item, n)| (numbers.skus[*item].clone(), *n)).collect();
        let (id, now) = (CommandId(scene.id()), scene.clock(self.store));
        let Some(agent) = &mut self.machine else { return };
        let step = agent
            .act(&mut scene.ids, move |agent, _| agent.hand_over(id, transfer, lines.clone(), now));
        let own = move |disk: &mut super::Disk| {
            disk.handed.insert(transfer);
        };
        if !self.commit(scene, step, Some(Box::new(own))) {
            return;
        }
        let more = |item: &usize| given[item] - asked.get(item).copied().unwrap_or(0);
        for item in given.keys().filter(|item| more(item) > 0) {
            scene.audit.ships_more(self.store, *item, more(item));
        }
        let (all, wanted): (i64, i64) = (given.values().sum(), asked.values().sum());
        scene.counts.flow(match all.cmp(&wanted) {
            std::cmp::Ordering::Less => "a store shipped less than was asked for",
            std::cmp::Ordering::Equal => "a store shipped what was asked for",
            std::cmp::Ordering::Greater => "a store shipped more than was asked for",
        });
        let transfer = transfer.0.as_u128();
        scene.audit.sets_off(Parcel { transfer, from: self.store, to, units: given });
        scene.audit.handed(transfer);
    }

    /// A parcel for this store is unpacked.
    pub(super) fn unpack(&mut self, scene: &mut Scene, numbers: &Numbers) {
        let Some(of) = unpacking(scene, self.store) else { return };
        let came = of.lines.iter().map(|(item, good, damaged)| ArrivedUnits {
            sku: numbers.skus[*item].clone(),
            good: *good,
            damaged: *damaged,
        });
        let lines: Vec<ArrivedUnits> = came.collect();
        let (transfer, close) = (ReservationId(uuid::Uuid::from_u128(of.transfer)), of.close);
        let (id, now) = (CommandId(scene.id()), scene.stamp());
        let Some(agent) = &mut self.machine else { return };
        let step = agent.act(&mut scene.ids, move |agent, _| {
            agent.arrive(id, transfer, lines.clone(), close, now)
        });
        if self.commit(scene, step, None) {
            scene.counts.flow("a store unpacked");
            scene.audit.unpacks(&of);
        }
    }
}

/// What somebody finds in a parcel that is there: now and then less or more than was put in, or
/// something broken, or the rest comes later.
pub(in crate::sim) fn unpacking(scene: &mut Scene, place: usize) -> Option<Unpacked> {
    let all = scene.audit.parcels_for(place);
    if all.is_empty() {
        return None;
    }
    let parcel = all[scene.rng.below(all.len())].clone();
    let mut lines: Vec<(usize, i64, i64)> =
        parcel.units.iter().map(|(item, units)| (*item, *units, 0)).collect();
    let at = scene.rng.below(lines.len());
    let (mut close, (_, good, damaged)) = (true, &mut lines[at]);
    let what = match scene.rng.below(10) {
        0 => {
            *good -= 1;
            "less came than was in the parcel"
        }
        1 => {
            *good += 1;
            "more came than was in the parcel"
        }
        2 | 3 => {
            (*good, *damaged) = (*good - 1, 1);
            "something came broken"
        }
        4 if parcel.units.values().sum::<i64>() > 1 => {
            *good -= 1;
            close = false;
            "a part came first"
        }
        // The last of it needs nobody's word that it was the last.
        5 => {
            close = false;
            "all came, and nobody said so"
        }
        _ => "all came",
    };
    lines.retain(|(_, good, damaged)| good + damaged > 0);
    scene.counts.flow(what);
    Some(Unpacked { transfer: parcel.transfer, at: place, lines, close })
}
