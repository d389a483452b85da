//! What people do in a store: scan, wait, pay, void, take goods back, count, hand over.

use oneshelf_domain::money::Currency;
use oneshelf_domain::stock::InSource;
use oneshelf_domain::{CommandId, LineId, Money, Quantity, ReservationId, SaleId, Sku, TicketId};
use oneshelf_protocol::frame::{Sale, SoldLine, Tender};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::agent::Step;

use super::Device;
use crate::sim::bug::Bug;
use crate::sim::names::{ITEMS, Numbers, PLACES, REGISTERS};
use crate::sim::scene::Scene;

/// Price of one unit, minor units.
const PRICE: i64 = 250;

/// How a run's people behave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    /// Registers sell beyond the share.
    pub beyond: bool,
    /// Shelves are counted.
    pub counts: bool,
}

impl Device {
    /// Somebody does something at a register.
    pub fn act(&mut self, scene: &mut Scene, numbers: &Numbers, register: usize, habits: Habits) {
        // With two logs in one store a count allows for those that the hub has heard of.
        let unheard = self.spare && self.disk.life.lease.number == 0;
        if self.machine.is_none() || unheard {
            return;
        }
        match scene.rng.below(100) {
            // One in the place of another sells, and no more.
            66.. if self.spare => self.void(scene, register),
            0..3 => self.scan_kit(scene, numbers, register),
            3..40 => {
                let item = scene.rng.below(ITEMS.len());
                self.scan(scene, numbers, register, item);
            }
            40..66 => self.pay(scene, numbers, register, habits),
            66..73 => self.void(scene, register),
            73..80 => {
                let item = scene.rng.below(ITEMS.len());
                let units = scene.rng.between(1, 2);
                let to_share = scene.rng.chance(400);
                self.bring(scene, numbers, item, units, to_share);
            }
            80..84 if habits.counts => {
                let item = scene.rng.below(ITEMS.len());
                self.count(scene, numbers, item);
            }
            80..86 => self.hand_over(scene, numbers),
            86..95 => self.ship(scene, numbers),
            95 => self.send_away(scene, numbers),
            96..98 => self.unpack(scene, numbers),
            _ => self.tidy_up(scene, numbers),
        }
    }

    /// Units on all open tickets: in customers' hands, still the shelf's.
    pub(in crate::sim) fn in_hands(&self, sku: &Sku) -> i64 {
        self.disk.tickets.values().filter_map(|(_, open)| open.lines.get(sku)).sum()
    }

    /// Units of a register's ticket that the share does not cover.
    pub(in crate::sim) fn lacks(&self, register: usize) -> i64 {
        let Some(agent) = &self.machine else { return 0 };
        let ticket = self.disk.tickets.get(&register);
        let lines = ticket.iter().flat_map(|(id, open)| open.lines.keys().map(move |s| (s, id)));
        lines.map(|(sku, id)| agent.beyond(sku, *id)).sum()
    }

    /// One more unit comes onto a register's ticket.
    pub fn scan(&mut self, scene: &mut Scene, numbers: &Numbers, register: usize, item: usize) {
        let sku = numbers.skus[item].clone();
        if scene.audit.on_shelf(self.store, item) - self.in_hands(&sku) <= 0 {
            return;
        }
        let (ticket, mut open) = match self.disk.tickets.get(&register) {
            Some((ticket, open)) => (*ticket, open.clone()),
            None => (TicketId(scene.id()), super::disk::Open::default()),
        };
        let units = open.lines.entry(sku.clone()).or_default();
        *units += 1;
        let units = *units;
        let now = scene.clock(self.store);
        let Some(agent) = &mut self.machine else { return };
        let step = match scene.shares {
            true => agent.act(&mut scene.ids, move |agent, fresh| {
                agent.need(&sku, ticket, units, now, fresh)
            }),
            false => Step::default(),
        };
        self.commit(
            scene,
            step,
            Some(Box::new(move |disk| {
                disk.tickets.insert(register, (ticket, open));
            })),
        );
    }

    /// A register's ticket is paid.
    pub fn pay(&mut self, scene: &mut Scene, numbers: &Numbers, register: usize, habits: Habits) {
        let Some((ticket, open)) = self.disk.tickets.get(&register).cloned() else { return };
        let now = scene.clock(self.store);
        let Some(agent) = &mut self.machine else { return };
        let (kits, units) = (open.kits, open.lines.into_iter().collect::<Vec<(Sku, i64)>>());
        let there =
            |(sku, n): &(Sku, i64)| scene.audit.on_shelf(self.store, numbers.sku(sku)) >= *n;
        if !units.iter().all(there) {
            return; // somebody else has taken them: there is nothing to sell
        }
        let lacks: Vec<i64> = units.iter().map(|(sku, _)| agent.beyond(sku, ticket)).collect();
        if scene.shares && !habits.beyond && lacks.iter().any(|n| *n > 0) {
            return; // the cashier waits for the hub's answer
        }
        let number = match scene.bug {
            Some(Bug::NumberInMemory) => self.memory.get(&register).copied(),
            _ => self.disk.numbers.get(&register).copied(),
        };
        let number = number.unwrap_or(1);
        let lines = super::kits::on_receipt(scene.kit.as_ref(), kits, &units, &numbers.skus);
        let sale = receipt(scene, self.store, register, number, lines);
        let total = sale.total.minor;
        let id = CommandId(sale.id.0);
        let sold = {
            let units = units.clone();
            agent.act(&mut scene.ids, move |agent, _| {
                agent.sell(id, ticket, &units, sale.clone(), now)
            })
        };
        let split = sold.split.clone();
        let done = self.commit(
            scene,
            sold.step,
            Some(Box::new(move |disk| {
                disk.tickets.remove(&register);
                disk.numbers.insert(register, number + 1);
            })),
        );
        if !done {
            return;
        }
        self.memory.insert(register, number + 1);
        scene.counts.sales += 1;
        if kits > 0 {
            scene.counts.flow("a register sold kits");
        }
        scene.audit.receipt(self.store, &name(self.store, register), number, total);
        for ((sku, wanted), (part, lacked)) in units.iter().zip(split.iter().zip(lacks)) {
            if scene.shares {
                scene.counts.beyond += part.beyond.unsigned_abs();
            }
            scene.audit.moved(self.store, numbers.sku(sku), -wanted);
            if scene.shares {
                scene.audit.paid(self.store, wanted - lacked, part.share);
            }
        }
    }

    /// A line or the whole ticket is given up.
    pub fn void(&mut self, scene: &mut Scene, register: usize) {
        let Some((ticket, mut open)) = self.disk.tickets.get(&register).cloned() else { return };
        // A set is given up as one; what a power cut leaves of it on the ticket is loose.
        let whole = scene.calm || open.kits > 0 || scene.rng.chance(500);
        open.kits = 0;
        let skus: Vec<Sku> = open.lines.keys().cloned().collect();
        for sku in skus {
            let left = open.lines.get(&sku).map_or(0, |n| if whole { 0 } else { n - 1 });
            let now = scene.clock(self.store);
            let Some(agent) = &mut self.machine else { return };
            let of = sku.clone();
            let step = agent
                .act(&mut scene.ids, move |agent, fresh| agent.need(&of, ticket, left, now, fresh));
            if left == 0 {
                open.lines.remove(&sku);
            } else {
                open.lines.insert(sku, left);
            }
            let rest = open.clone();
            let own = move |disk: &mut super::Disk| {
                if rest.lines.is_empty() {
                    disk.tickets.remove(&register);
                } else {
                    disk.tickets.insert(register, (ticket, rest));
                }
            };
            if !self.commit(scene, step, Some(Box::new(own))) {
                return;
            }
        }
        scene.counts.voids += 1;
    }

    /// Goods come in.
    pub fn bring(
        &mut self,
        scene: &mut Scene,
        numbers: &Numbers,
        item: usize,
        units: i64,
        to_share: bool,
    ) {
        let to_share = to_share && scene.shares;
        let sku = numbers.skus[item].clone();
        let source = if scene.rng.chance(700) { InSource::Customer } else { InSource::Supplier };
        let (id, now) = (CommandId(scene.id()), scene.clock(self.store));
        let Some(agent) = &mut self.machine else { return };
        let step = agent.act(&mut scene.ids, move |agent, _| {
            agent.bring(id, &sku, units, to_share, source, now)
        });
        // The goods are put on the shelf when the page says done.
        if self.commit(scene, step, None) {
            scene.audit.moved(self.store, item, units);
        }
    }

    /// A shelf is counted.
    pub fn count(&mut self, scene: &mut Scene, numbers: &Numbers, item: usize) {
        let sku = numbers.skus[item].clone();
        let found = scene.audit.on_shelf(self.store, item);
        let (id, now) = (CommandId(scene.id()), scene.clock(self.store));
        let Some(agent) = &mut self.machine else { return };
        let step = agent.act(&mut scene.ids, move |agent, _| agent.count(id, &sku, found, now));
        if self.commit(scene, step, None) {
            scene.counts.counted += 1;
        }
    }

    /// A shopper fetches what was reserved, as far as the store's own copy knows of it.
    fn hand_over(&mut self, scene: &mut Scene, numbers: &Numbers) {
        let mut ready: Vec<(ReservationId, Vec<(Sku, i64)>)> = vec![];
        for (id, row) in self.disk.open() {
            let Row::Reservation { state, lines, to: None, .. } = row else { continue };
            let open = state == "committed";
            let units: Vec<(Sku, i64)> =
                lines.iter().map(|(sku, units, _)| (sku.clone(), *units)).collect();
            let there = units.iter().all(|(sku, _)| {
                let all: i64 = units.iter().filter(|(of, _)| of == sku).map(|(_, n)| n).sum();
                let item = numbers.sku(sku);
                scene.audit.on_shelf(self.store, item) - self.in_hands(sku) >= all
            });
            if open && there && !self.disk.handed.contains(id) {
                ready.push((*id, units));
            }
        }
        if ready.is_empty() {
            return;
        }
        let (reservation, lines) = ready.swap_remove(scene.rng.below(ready.len()));
        self.give(scene, numbers, reservation, lines);
    }

    /// The goods of a reservation are given to its shopper.
    pub fn give(
        &mut self,
        scene: &mut Scene,
        numbers: &Numbers,
        reservation: ReservationId,
        lines: Vec<(Sku, i64)>,
    ) {
        let (id, now) = (CommandId(scene.id()), scene.clock(self.store));
        let Some(agent) = &mut self.machine else { return };
        let units = lines.clone();
        let step = agent.act(&mut scene.ids, move |agent, _| {
            agent.hand_over(id, reservation, units.clone(), now)
        });
        let own = move |disk: &mut super::Disk| {
            disk.handed.insert(reservation);
        };
        if self.commit(scene, step, Some(Box::new(own))) {
            scene.counts.handed += 1;
            for (sku, units) in lines {
                scene.audit.moved(self.store, numbers.sku(&sku), -units);
            }
            scene.audit.handed(reservation.0.as_u128());
        }
    }

    fn tidy_up(&mut self, scene: &mut Scene, numbers: &Numbers) {
        let sku = numbers.skus[scene.rng.below(ITEMS.len())].clone();
        let now = scene.clock(self.store);
        let Some(agent) = &mut self.machine else { return };
        let step = agent.act(&mut scene.ids, move |agent, fresh| agent.give_back(&sku, now, fresh));
        self.commit(scene, step, None);
    }
}

fn name(store: usize, register: usize) -> String {
    // Agents in the place of another have registers of their own.
    let own = || format!("R{}", register + 1);
    format!("{}-{}", PLACES[store], REGISTERS.get(register).map_or_else(own, |r| (*r).to_owned()))
}

/// The commercial part. One in forty is wrong: its goods are gone all the same.
fn receipt(
    scene: &mut Scene,
    store: usize,
    register: usize,
    number: i64,
    units: Vec<super::kits::Bought>,
) -> Sale {
    let Ok(currency) = Currency::new("EUR") else { unreachable!("a currency") };
    let money = |minor| Money { minor, currency };
    let sum: i64 = units.iter().map(|(_, n, _)| n * PRICE).sum();
    let total = sum + if scene.rng.chance(25) { 1 } else { 0 };
    let given = total + scene.rng.between(0, 500);
    let line = |(sku, n, components): (Sku, i64, Vec<(Sku, i64)>)| SoldLine {
        id: LineId(scene.id()),
        name: sku.to_string(),
        sku,
        quantity: Quantity::new(n).unwrap_or(Quantity::ONE),
        unit_price: money(PRICE),
        total: money(n * PRICE),
        tax: "standard".to_owned(),
        components,
    };
    let lines = units.into_iter().map(line).collect();
    Sale {
        id: SaleId(scene.id()),
        receipt_number: format!("{}-{number:06}", name(store, register)),
        register: name(store, register),
        number,
        cashier: "Ana (ana)".to_owned(),
        total: money(total),
        change: money(given - total),
        tenders: vec![Tender { kind: "cash".to_owned(), given: money(given) }],
        lines,
        approval: None,
    }
}
