//! One store, one item, a line that comes and goes: what shoppers and customers get.
//!
//! Web and walk-in demand come at random, a tenth of the stock a day each; a promised unit stands
//! on the shelf for a day on average; the delivery of the week comes when the line is up. No
//! freshness, safety stock or buffer: the figure is what can be had at that moment.

use oneshelf_domain::record::{ShareRule, Sold, WalkIn};
use oneshelf_domain::stock::{LocationNo, Place, Stock};

use super::{HOUR, ITEM, Line};
use crate::sim::rng::Rng;

const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// Of a day, for the demand that `auto` goes by.
const OPENING_HOURS: i64 = 10;
/// Days whose sales `auto` goes by.
const HISTORY_DAYS: i64 = 40;

/// What happened in a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Customers who wanted a unit online.
    pub web: u64,
    /// Shoppers who wanted one in the store.
    pub walk_in: u64,
    /// Online, refused because the units were the share of a store that did not answer.
    pub lost_web: u64,
    /// In the store, line down, from units that are not its share.
    pub beyond: u64,
    /// Promises that these sales broke.
    pub broken: u64,
}

impl Tally {
    /// Of 10,000, in tenths: web orders lost, sales beyond the share, promises broken.
    pub fn rates(&self) -> [u64; 3] {
        let of = |n: u64, all: u64| (n * 100_000 + all / 2) / all.max(1);
        [of(self.lost_web, self.web), of(self.beyond, self.walk_in), of(self.broken, self.walk_in)]
    }
}

/// Runs so many weeks.
pub(super) fn weeks(line: Line, stock: i64, rule: ShareRule, weeks: u64) -> Tally {
    let seed = u64::try_from(stock * 1_000_000 + line.outage_ms / 1_000).unwrap_or(0);
    // The same customers under every policy.
    let mut store = Store::new(Rng::new(seed), line, stock, rule);
    for _ in 0..weeks {
        store.week();
    }
    store.tally
}

struct Store {
    rng: Rng,
    line: Line,
    full: i64,
    rule: ShareRule,
    /// What the demand asks for, by the product's rule.
    walk_in_share: i64,
    /// The hub's row.
    row: Stock,
    /// Units sold beyond the share of which the hub has not heard.
    unheard: i64,
    up: bool,
    now: i64,
    next_web: i64,
    next_walk_in: i64,
    next_flip: i64,
    /// When promised units are fetched.
    pickups: Vec<i64>,
    delivery_waits: bool,
    tally: Tally,
}

impl Store {
    fn new(rng: Rng, line: Line, full: i64, rule: ShareRule) -> Self {
        let sales = full * HISTORY_DAYS / 10;
        let sold = vec![Sold { item: ITEM, sales, units: sales }];
        let hours = HISTORY_DAYS * OPENING_HOURS;
        let demand = WalkIn { location: LocationNo(1), hours, sold };
        let mut store = Self {
            rng,
            line,
            full,
            rule,
            walk_in_share: demand.share(ITEM),
            row: Stock::default(),
            unheard: 0,
            up: true,
            now: 0,
            next_web: 0,
            next_walk_in: 0,
            next_flip: 0,
            pickups: vec![],
            delivery_waits: false,
            tally: Tally::default(),
        };
        store.next_web = store.after(10 * DAY / full);
        store.next_walk_in = store.after(10 * DAY / full);
        store.next_flip = store.after(store.mean_up());
        store
    }

    fn mean_up(&self) -> i64 {
        let Line { up_per_mille, outage_ms, .. } = self.line;
        outage_ms * up_per_mille / (1_000 - up_per_mille)
    }

    /// A moment after a while with this mean. `Rng::wait` is longer by 4 %.
    fn after(&mut self, mean: i64) -> i64 {
        self.now + self.rng.wait(mean) * 100 / 104 + 1
    }

    fn at(&self, place: Place) -> i64 {
        self.row.at(place)
    }

    fn shift(&mut self, from: Place, to: Place, units: i64) {
        self.row.balances[from.index()] -= units;
        self.row.balances[to.index()] += units;
    }

    /// Units that stand in the store.
    fn shelf(&self) -> i64 {
        let all = self.at(Place::Available) + self.at(Place::StoreShare) + self.at(Place::Reserved);
        all - self.unheard
    }

    fn week(&mut self) {
        let end = self.now + WEEK;
        self.delivery_waits = true;
        self.settle();
        loop {
            let fetched = self.pickups.iter().min().copied().unwrap_or(i64::MAX);
            let next = self.next_web.min(self.next_walk_in).min(self.next_flip).min(fetched);
            if next >= end {
                self.now = end;
                return;
            }
            self.now = next;
            if next == self.next_flip {
                self.flip();
            } else if next == fetched {
                self.fetch(fetched);
            } else if next == self.next_web {
                self.next_web = self.after(10 * DAY / self.full);
                self.web();
            } else {
                self.next_walk_in = self.after(10 * DAY / self.full);
                self.walk_in();
            }
            self.settle();
        }
    }

    fn flip(&mut self) {
        self.up = !self.up;
        let mean = if self.up { self.mean_up() } else { self.line.outage_ms };
        self.next_flip = self.after(mean);
        if self.up {
            self.hear();
        }
    }

    /// The hub hears of the sales beyond the share, and draws them as `domain` does: what is free,
    /// then what is promised, else it is missing and share is recalled for it.
    fn hear(&mut self) {
        let free = self.unheard.min(self.at(Place::Available));
        self.shift(Place::Available, Place::Customer, free);
        let promised = (self.unheard - free).min(self.at(Place::Reserved));
        self.shift(Place::Reserved, Place::Customer, promised);
        for _ in 0..promised {
            self.pickups.pop();
            self.tally.broken += 1;
        }
        let missing = (self.unheard - free - promised).min(self.at(Place::StoreShare));
        self.shift(Place::StoreShare, Place::Customer, missing);
        self.unheard = 0;
    }

    /// While the line is up the delivery comes, and the share follows its rule.
    fn settle(&mut self) {
        if !self.up {
            return;
        }
        if std::mem::take(&mut self.delivery_waits) {
            let units = (self.full - self.shelf()).max(0);
            self.shift(Place::Supplier, Place::Available, units);
        }
        let target = self.rule.target(&self.row, self.walk_in_share);
        let share = self.at(Place::StoreShare);
        let more = (target - share).clamp(0, self.at(Place::Available));
        self.shift(Place::Available, Place::StoreShare, more);
        self.shift(Place::StoreShare, Place::Available, (share - target).max(0));
    }

    fn web(&mut self) {
        self.tally.web += 1;
        if self.at(Place::Available) == 0 && self.at(Place::StoreShare) > 0 {
            if !self.up {
                self.tally.lost_web += 1;
                return;
            }
            self.shift(Place::StoreShare, Place::Available, 1); // recalled
        }
        if self.at(Place::Available) > 0 {
            self.shift(Place::Available, Place::Reserved, 1);
            let when = self.after(DAY);
            self.pickups.push(when);
        }
    }

    fn walk_in(&mut self) {
        self.tally.walk_in += 1;
        if self.shelf() <= 0 {
            return;
        }
        if self.at(Place::StoreShare) > 0 {
            self.shift(Place::StoreShare, Place::Customer, 1);
        } else if !self.up {
            self.unheard += 1;
            self.tally.beyond += 1;
        } else if self.at(Place::Available) > 0 {
            self.shift(Place::Available, Place::Customer, 1); // granted at the scan
        }
    }

    /// A customer comes for a promised unit.
    fn fetch(&mut self, when: i64) {
        if let Some(at) = self.pickups.iter().position(|p| *p == when) {
            self.pickups.remove(at);
        }
        if self.shelf() <= 0 {
            self.tally.broken += 1;
            self.unheard -= 1; // what was sold was this unit
        }
        self.shift(Place::Reserved, Place::Customer, 1);
    }
}
