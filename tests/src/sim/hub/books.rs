//! The database as plain figures for the auditor.

use std::collections::BTreeMap;

use oneshelf_domain::record::Record;
use oneshelf_domain::stock::{Place, Reservation, ReservationLine, ReservationState, StockKey};
use oneshelf_sync::plan::Writes;

use super::Hub;
use crate::sim::audit::{Books, Claim, Held, Id, Life, Owned, Row, Totals, Turn};
use crate::sim::scene::Scene;

impl Hub {
    pub fn books(&self, now: oneshelf_domain::Timestamp) -> Books {
        let db = &self.database;
        // What is between the stores is on no shelf.
        let somewhere = |place: usize| place != usize::MAX;
        let shelves = db.stock.iter().filter(|(k, _)| somewhere(self.numbers.place(k.location)));
        let rows = shelves.map(|(key, stock)| {
            let (place, item) = (self.numbers.place(key.location), self.numbers.item(key.item));
            plain(place, item, &stock.balances, stock.short)
        });
        let road = db.stock.iter().filter(|(k, _)| !somewhere(self.numbers.place(k.location)));
        let transit = road.map(|(key, stock)| {
            plain(usize::MAX, self.numbers.item(key.item), &stock.balances, stock.short)
        });
        let owned = db.shares.iter().map(|((id, key), s)| Owned {
            life: id.0.as_u128(),
            place: self.numbers.place(key.location),
            item: self.numbers.item(key.item),
            totals: Totals {
                granted: s.granted,
                brought: s.brought,
                sold: s.sold,
                returned: s.returned,
            },
            doubt: s.doubt,
            written_off: s.written_off,
        });
        let lives = db.incarnations.values().map(|i| Life {
            id: i.id.0.as_u128(),
            retired: i.retired,
            forked: i.forked,
            lease: (i.lease.epoch, i.lease.number),
        });
        let claims = db.open().map(|r| Claim {
            id: r.id.0.as_u128(),
            held: match r.state {
                ReservationState::Picked => Held::Aside,
                _ => Held::Reserved,
            },
            lines: r
                .lines
                .iter()
                .map(|l| {
                    let (place, item) = (self.numbers.place(l.location), self.numbers.item(l.item));
                    (place, item, l.quantity, l.short)
                })
                .filter(|(place, ..)| somewhere(*place))
                .collect(),
            turn: match r.state {
                ReservationState::Releasing => Turn::GivenUp,
                ReservationState::Held => Turn::Unpaid,
                ReservationState::Committed => Turn::Paid,
                _ => Turn::Never,
            },
            awaited: r.state.is_awaited(),
            late: r.state == ReservationState::Held
                && r.expires_at.is_some_and(|at| at.plus_ms(30_000) < now),
        });
        Books {
            rows: rows.collect(),
            owned: owned.collect(),
            lives: lives.collect(),
            claims: claims.collect(),
            transit: transit.collect(),
            road: db.open().filter_map(|r| self.on_its_way(r)).collect(),
            recovering: self.recovering(),
            epoch: db.head.epoch,
            version: db.head.version.0,
        }
    }

    /// Lives that an operator gave up.
    pub(super) fn tell_of_lives(&self, scene: &mut Scene, writes: &Writes) {
        if !writes.ledger.iter().any(|row| row.kind == "retire_agent") {
            return;
        }
        scene.counts.retired += 1;
        for life in writes.incarnations.values().filter(|life| life.retired) {
            scene.audit.retire(self.numbers.place(life.location));
        }
    }

    /// What became of claims.
    pub(super) fn tell_of_claims(&self, scene: &mut Scene, writes: &Writes) {
        for r in writes.reservations.values() {
            let id = r.id.0.as_u128();
            let line = |l: &ReservationLine| {
                (self.numbers.place(l.location), self.numbers.item(l.item), l.quantity)
            };
            let lines = r.lines.iter().map(line).filter(|(place, ..)| *place != usize::MAX);
            let lines: Vec<_> = lines.collect();
            if r.transfer.is_some() {
                scene.audit.transfer(id);
            }
            let ended = (!r.state.is_open()).then(|| r.state.name());
            scene.audit.claim(id, &lines, ended);
            let at = writes.ledger.iter().find(|row| row.version == r.version);
            let until = r.expires_at.filter(|_| r.state == ReservationState::Held);
            if let Some(row) = at {
                let at = row.recorded_at.0;
                scene.audit.held(id, r.state.name(), until.map(|until| until.0), at);
            }
        }
    }

    /// The units of a transfer that left and have not come.
    fn on_its_way(&self, r: &Reservation) -> Option<(Id, BTreeMap<usize, i64>)> {
        if r.state != ReservationState::InTransit {
            return None;
        }
        let mut units = BTreeMap::new();
        for line in r.lines.iter().filter(|line| line.held() > 0) {
            *units.entry(self.numbers.item(line.item)).or_default() += line.held();
        }
        Some((r.id.0.as_u128(), units))
    }

    /// What channels may not have, and what one of them claimed.
    pub(super) fn tell_of_channels(&self, scene: &mut Scene, writes: &Writes) {
        for (_, record) in writes.records.values() {
            match record {
                Some(Record::Safety(s)) => {
                    let (place, item) = (self.numbers.place(s.location), self.numbers.item(s.item));
                    scene.audit.kept_back(Some(place), item, s.units);
                }
                Some(Record::Buffer(b)) => {
                    scene.audit.kept_back(None, self.numbers.item(b.item), b.units);
                }
                _ => {}
            }
        }
        let [only] = writes.ledger.as_slice() else { return };
        let new = |r: &&Reservation| r.created == only.version && r.channel.is_some();
        let kits = |r: &Reservation| r.lines.iter().any(|line| line.kit.is_some());
        let claims = writes.reservations.values().filter(new);
        let lines = claims.flat_map(|r| r.lines.iter().map(move |l| (r.id, l.key(), kits(r))));
        for (id, key, kits) in lines {
            let left = self.numbers.places.iter().map(|location| {
                let key = StockKey { location: *location, ..key };
                let row = writes.stock.get(&key).or_else(|| self.database.stock.get(&key));
                row.map_or(0, |row| row.available() + row.at(Place::StoreShare))
            });
            let left: Vec<i64> = left.collect();
            let (place, item) = (self.numbers.place(key.location), self.numbers.item(key.item));
            scene.audit.channel_claims(id.0.as_u128(), (place, item), &left, kits);
        }
    }
}

/// A stock row in plain figures.
pub(in crate::sim) fn plain(place: usize, item: usize, balances: &[i64; 12], short: i64) -> Row {
    let mut buckets = [0; 7];
    buckets.copy_from_slice(&balances[..7]);
    Row { place, item, buckets, owed: -balances[Place::Discrepancy.index()], short }
}
