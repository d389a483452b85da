//! Goods that one store sends to the other by itself, and what comes of them.
//!
//! Parcels are people's: no program knows of them. What is lost on the way, or slipped in, happens
//! between the shelves.

use oneshelf_domain::code::LocationCode;
use oneshelf_domain::{CommandId, ReservationId};
use oneshelf_protocol::frame::ArrivedUnits;

use super::Device;
use crate::sim::names::{ITEMS, Numbers, PLACES, STORES};
use crate::sim::scene::Scene;

/// Goods on their way.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct Parcel {
    transfer: ReservationId,
    to: usize,
    item: usize,
    units: i64,
}

impl Device {
    /// A unit of the share that no ticket holds goes to the other store.
    pub(super) fn send_away(&mut self, scene: &mut Scene, numbers: &Numbers) {
        let item = scene.rng.below(ITEMS.len());
        let (sku, to) = (numbers.skus[item].clone(), (self.store + 1) % STORES);
        let spare = scene.audit.on_shelf(self.store, item) - self.in_hands(&sku);
        let (id, now) = (CommandId(scene.id()), scene.stamp());
        let Some(agent) = &mut self.machine else { return };
        if spare < 1 || agent.spare(&sku) < 1 {
            return;
        }
        let Ok(code) = LocationCode::new(PLACES[to]) else { unreachable!("a code") };
        let step = agent.act(&mut scene.ids, move |agent, _| {
            agent.send(id, (code.clone(), None), vec![(sku.clone(), 1)], now).unwrap_or_default()
        });
        if self.commit(scene, step, None) {
            scene.audit.moved(self.store, item, -1);
            scene.parcels.push(Parcel { transfer: ReservationId(id.0), to, item, units: 1 });
        }
    }

    /// The oldest parcel for this store is unpacked: now and then less or more is in it.
    pub(super) fn unpack(&mut self, scene: &mut Scene, numbers: &Numbers) {
        let Some(at) = scene.parcels.iter().position(|p| p.to == self.store) else { return };
        let parcel = scene.parcels[at];
        let good = match scene.rng.below(6) {
            0 => 0,
            1 => parcel.units + 1,
            _ => parcel.units,
        };
        let (sku, transfer) = (numbers.skus[parcel.item].clone(), parcel.transfer);
        let (id, now) = (CommandId(scene.id()), scene.stamp());
        let Some(agent) = &mut self.machine else { return };
        let step = agent.act(&mut scene.ids, move |agent, _| {
            let lines = vec![ArrivedUnits { sku: sku.clone(), good, damaged: 0 }];
            agent.arrive(id, transfer, lines, true, now)
        });
        if self.commit(scene, step, None) {
            scene.parcels.remove(at);
            scene.audit.moved(self.store, parcel.item, good);
        }
    }
}
