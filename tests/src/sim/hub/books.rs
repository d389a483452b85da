//! The database as plain figures for the auditor.

use oneshelf_domain::stock::{Place, ReservationState};

use super::Hub;
use crate::sim::audit::{Books, Claim, Held, Life, Owned, Row, Totals};

impl Hub {
    pub fn books(&self, now: oneshelf_domain::Timestamp) -> Books {
        let db = &self.database;
        let rows = db.stock.iter().map(|(key, stock)| {
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
        let open = db.reservations.values().filter(|r| r.state.is_open());
        let claims = open.map(|r| Claim {
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
                .collect(),
            late: r.state == ReservationState::Held
                && r.expires_at.is_some_and(|at| at.plus_ms(30_000) < now),
        });
        Books {
            rows: rows.collect(),
            owned: owned.collect(),
            lives: lives.collect(),
            claims: claims.collect(),
            version: db.head.version.0,
        }
    }
}

/// A stock row in plain figures.
pub(in crate::sim) fn plain(place: usize, item: usize, balances: &[i64; 12], short: i64) -> Row {
    let mut buckets = [0; 7];
    buckets.copy_from_slice(&balances[..7]);
    Row { place, item, buckets, owed: -balances[Place::Discrepancy.index()], short }
}
