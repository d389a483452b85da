//! Kits at the registers: a set is scanned and paid as one, and its parts leave the shelf.

use oneshelf_domain::{Sku, TicketId};
use oneshelf_sync::agent::Step;

use super::Device;
use super::disk::Open;
use crate::sim::names::{Kit, Numbers};
use crate::sim::scene::Scene;

impl Device {
    /// One more set comes onto a register's ticket, if all of its parts are there.
    pub(super) fn scan_kit(&mut self, scene: &mut Scene, numbers: &Numbers, register: usize) {
        let Some(kit) = scene.kit.clone() else { return };
        let there = |(item, each): &(usize, i64)| {
            let in_hands = self.in_hands(&numbers.skus[*item]);
            scene.audit.on_shelf(self.store, *item) - in_hands >= *each
        };
        if !kit.parts.iter().all(there) {
            return;
        }
        let (ticket, mut open) = match self.disk.tickets.get(&register) {
            Some((ticket, open)) => (*ticket, open.clone()),
            None => (TicketId(scene.id()), Open::default()),
        };
        let mut needs: Vec<(Sku, i64)> = vec![];
        for (item, each) in &kit.parts {
            let sku = numbers.skus[*item].clone();
            let units = open.lines.entry(sku.clone()).or_default();
            *units += each;
            needs.push((sku, *units));
        }
        open.kits += 1;
        let (now, shares) = (scene.clock(self.store), scene.shares);
        let Some(agent) = &mut self.machine else { return };
        let step = agent.act(&mut scene.ids, move |agent, fresh| {
            let mut step = Step::default();
            for (sku, units) in needs.iter().filter(|_| shares) {
                step.then(agent.need(sku, ticket, *units, now, &mut *fresh));
            }
            step
        });
        let own = move |disk: &mut super::Disk| {
            disk.tickets.insert(register, (ticket, open));
        };
        if self.commit(scene, step, Some(Box::new(own))) {
            scene.counts.flow("a register scanned a kit");
        }
    }
}

/// An item of a receipt, its units, and what one of them is made of.
pub(super) type Bought = (Sku, i64, Vec<(Sku, i64)>);

/// What a receipt says of a ticket: (item, units, what one of them is made of) per line.
pub(super) fn on_receipt(
    kit: Option<&Kit>,
    kits: i64,
    units: &[(Sku, i64)],
    numbers: &[Sku],
) -> Vec<Bought> {
    let Some(kit) = kit.filter(|_| kits > 0) else {
        return units.iter().map(|(sku, n)| (sku.clone(), *n, vec![])).collect();
    };
    let parts: Vec<(Sku, i64)> =
        kit.parts.iter().map(|(item, each)| (numbers[*item].clone(), *each)).collect();
    let of_kits = |sku: &Sku| {
        let mine = parts.iter().filter(|(of, _)| of == sku);
        mine.map(|(_, each)| kits * each).sum::<i64>()
    };
    let mut lines = vec![(kit.sku.clone(), kits, parts.clone())];
    for (sku, n) in units {
        let alone = n - of_kits(sku);
        if alone > 0 {
            lines.push((sku.clone(), alone, vec![]));
        }
    }
    lines
}
