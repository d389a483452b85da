//! Planted bugs of transfers, kits and deadlines: rows and answers changed on their way, never the
//! product's code.

use std::collections::BTreeMap;

use oneshelf_domain::stock::{
    ArrivedLine, Command, FactBody, ItemNo, Place, Reservation, ReservationLine, ReservationState,
    State, StockKey,
};
use oneshelf_domain::{CommandId, IncarnationId, ReservationId};
use oneshelf_sync::plan::{Submission, Writes};

use super::Hub;
use crate::sim::bug::Bug;
use crate::sim::scene::Scene;

/// Time by which a hold outlives its end, ms.
const OUTLIVES: i64 = 3_600_000;

/// What a bug books wrong when the batch is stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Noted {
    /// Units of arrivals that were booked before.
    came_again: Vec<(StockKey, i64)>,
    /// Units that a store has sent.
    sent: Vec<(CommandId, IncarnationId, StockKey, i64)>,
}

impl Hub {
    /// Looks at a batch before it is decided.
    pub(super) fn note(&mut self, bug: Bug, batch: &[Submission]) {
        let mut noted = Noted::default();
        for (at, submission) in batch.iter().enumerate() {
            let id = submission.id;
            let before = batch[..at].iter().any(|s| s.id == id);
            let known = before || self.database.commands.contains_key(&id);
            match &submission.command {
                Command::Fact { location, incarnation, body, .. } => {
                    let key = |item: ItemNo| StockKey { item, location: *location };
                    let i = self.database.incarnations.get(incarnation);
                    match body {
                        FactBody::Arrived { lines, .. } if bug == Bug::ArrivedTwice && known => {
                            let lines = lines.iter().map(|l| (key(l.item), l.good));
                            noted.came_again.extend(lines);
                        }
                        FactBody::Sent { lines, .. }
                            if bug == Bug::ShippedStays && i.is_some_and(|i| !i.retired) =>
                        {
                            let lines =
                                lines.iter().map(|(of, n)| (id, *incarnation, key(*of), *n));
                            noted.sent.extend(lines.filter(|_| !known));
                        }
                        _ => {}
                    }
                }
                Command::Commit { id } if bug == Bug::HoldOutlives => self.outlive(*id),
                _ => {}
            }
        }
        self.noted = noted;
    }

    fn outlive(&mut self, id: ReservationId) {
        let Some(r) = self.database.reservations.get_mut(&id) else { return };
        if r.state == ReservationState::Held {
            r.expires_at = r.expires_at.map(|at| at.plus_ms(OUTLIVES));
        }
    }

    /// What was sent is booked as received, whatever was unpacked.
    pub(super) fn as_sent(&self, body: &mut FactBody) {
        let FactBody::Arrived { transfer, lines, .. } = body else { return };
        let Some(r) = self.database.reservations.get(transfer) else { return };
        let mut sent: BTreeMap<ItemNo, i64> = BTreeMap::new();
        if r.state == ReservationState::InTransit {
            r.lines.iter().for_each(|l| *sent.entry(l.item).or_default() += l.held());
            let line = |(item, good)| ArrivedLine { item, good, damaged: 0 };
            *lines = sent.into_iter().map(line).collect();
        }
    }

    /// Changes what is about to be stored; true when it did.
    pub(super) fn spoil_flow(&self, bug: Bug, writes: &mut Writes) -> bool {
        match bug {
            Bug::ArrivedTwice => {
                for (key, units) in &self.noted.came_again {
                    self.row(writes, *key, |row| {
                        row.balances[Place::Available.index()] += units;
                        row.balances[Place::Supplier.index()] -= units;
                    });
                }
                !self.noted.came_again.is_empty()
            }
            Bug::ShippedStays => self.stay(writes),
            Bug::KitSomeParts => self.some_parts(writes),
            Bug::PaidFirst => self.paid_first(writes),
            _ => false,
        }
    }

    /// Units that a store has sent are its share still.
    fn stay(&self, writes: &mut Writes) -> bool {
        let mut stayed = false;
        for (fact, life, key, units) in &self.noted.sent {
            let booked = writes.ledger.iter().any(|row| row.command == *fact);
            let Some((_, share)) = writes.shares.get_mut(&(*life, *key)).filter(|_| booked) else {
                continue;
            };
            share.sold -= units;
            self.row(writes, *key, |row| {
                row.balances[Place::StoreShare.index()] += units;
                row.balances[Place::Adjustment.index()] -= units;
            });
            stayed = true;
        }
        stayed
    }

    /// A claim of a kit that leaves out its last part.
    fn some_parts(&self, writes: &mut Writes) -> bool {
        let mut left_out = vec![];
        for r in writes.reservations.values_mut() {
            let new = !self.database.reservations.contains_key(&r.id);
            let at = r.lines.iter().rposition(|l| l.kit.is_some());
            if let Some(at) = at.filter(|_| new && r.state.is_open()) {
                let line = r.lines.remove(at);
                left_out.push((line.key(), line.held()));
            }
        }
        for (key, units) in &left_out {
            self.row(writes, *key, |row| {
                row.balances[Place::Reserved.index()] -= units;
                row.balances[Place::Available.index()] += units;
            });
        }
        !left_out.is_empty()
    }

    /// A sale beyond the share takes the units of a paid order, and leaves a hold its own.
    fn paid_first(&self, writes: &mut Writes) -> bool {
        let held = writes.reservations.values().filter(|r| r.state == ReservationState::Held);
        let lines = held.flat_map(|r| r.lines.iter().enumerate().map(|(at, l)| (r.id, at, *l)));
        let holds: Vec<_> = lines.filter(|(_, _, l)| l.short > 0).collect();
        let mut swapped = false;
        for (hold, at, line) in holds {
            let has = |l: &ReservationLine| l.key() == line.key() && l.held() > 0;
            let paid = |r: &&Reservation| {
                let known = writes.reservations.contains_key(&r.id);
                r.state == ReservationState::Committed && !known && r.lines.iter().any(has)
            };
            let Some(mut order) = self.database.open().find(paid).cloned() else { continue };
            let Some(taken) = order.lines.iter_mut().find(|l| has(l)) else { continue };
            taken.short += 1;
            order.version = writes.head.version;
            writes.reservations.insert(order.id, order);
            if let Some(hold) = writes.reservations.get_mut(&hold) {
                hold.lines[at].short -= 1;
                swapped = true;
            }
        }
        swapped
    }

    /// The rows that deciding has at hand; a bug that changes them in the tables has none.
    pub(super) fn cached(&mut self, scene: &Scene) -> Option<State> {
        self.state.take().filter(|_| scene.bug != Some(Bug::HoldOutlives))
    }
}
