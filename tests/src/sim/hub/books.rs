//! The database as plain figures for the auditor.

use oneshelf_domain::record::Record;
use oneshelf_domain::stock::{Place, Reservation, ReservationState};
use oneshelf_sync::plan::Writes;

use super::Hub;
use crate::sim::audit::{Books, Claim, Held, Life, Owned, Row, Totals};
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
            awaited: r.state.is_awaited(),
            late: r.state == ReservationState::Held
                && r.expires_at.is_some_and(|at| at.plus_ms(30_000) < now),
        });
        Books {
            rows: rows.collect(),
            owned: owned.collect(),
            lives: lives.collect(),
            claims: claims.collect(),
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
        let lines = writes.reservations.values().filter(new).flat_map(|r| &r.lines);
        for key in lines.map(|line| line.key()) {
            let row = writes.stock.get(&key).copied().unwrap_or_default();
            let left = row.available() + row.at(Place::StoreShare);
            let (place, item) = (self.numbers.place(key.location), self.numbers.item(key.item));
            scene.audit.channel_claims(place, item, left);
        }
    }
}

/// A stock row in plain figures.
pub(in crate::sim) fn plain(place: usize, item: usize, balances: &[i64; 12], short: i64) -> Row {
    let mut buckets = [0; 7];
    buckets.copy_from_slice(&balances[..7]);
    Row { place, item, buckets, owed: -balances[Place::Discrepancy.index()], short }
}
