//! What the auditor is shown of hub and agents: plain figures, nothing behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Id;

/// A stock row of the hub.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Where.
    pub place: usize,
    /// Of which item.
    pub item: usize,
    /// The seven buckets in the order of the page "Words": available, share, reserved, picked,
    /// quality control, damaged, in doubt.
    pub buckets: [i64; 7],
    /// Sold though no bucket explains it, as owed (0 or more).
    pub owed: i64,
    /// Units that reservations lack.
    pub short: i64,
}

impl Row {
    /// Sum of the buckets.
    pub fn on_hand(&self) -> i64 {
        self.buckets.iter().sum()
    }
}

/// Totals of a life and item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Given by the hub.
    pub granted: i64,
    /// Brought in.
    pub brought: i64,
    /// Sold.
    pub sold: i64,
    /// Given back.
    pub returned: i64,
}

impl Totals {
    /// What is left.
    pub const fn share(&self) -> i64 {
        self.granted + self.brought - self.sold - self.returned
    }
}

/// A share row of the hub.
#[derive(Debug, Clone)]
pub struct Owned {
    /// Whose.
    pub life: Id,
    /// Where.
    pub place: usize,
    /// Of which item.
    pub item: usize,
    /// As heard.
    pub totals: Totals,
    /// In doubt.
    pub doubt: i64,
    /// Booked by a count in its absence, signed.
    pub written_off: i64,
}

/// A life that the hub knows.
#[derive(Debug, Clone)]
pub struct Life {
    /// Which.
    pub id: Id,
    /// Ended.
    pub retired: bool,
    /// Ended as a copy.
    pub forked: bool,
    /// Its lease.
    pub lease: (i64, i64),
}

/// How an open claim holds its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// On the shelf.
    Reserved,
    /// Taken from it.
    Aside,
}

/// An open reservation.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Which.
    pub id: Id,
    /// Where its units are.
    pub held: Held,
    /// (place, item, units, short).
    pub lines: Vec<(usize, usize, i64, i64)>,
    /// When a sale beyond the share takes them.
    pub turn: super::Turn,
    /// Somebody still waits for its units.
    pub awaited: bool,
    /// A hold whose time is over for long.
    pub late: bool,
}

/// The hub's books at one moment.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// Stock rows.
    pub rows: Vec<Row>,
    /// Share rows.
    pub owned: Vec<Owned>,
    /// Lives.
    pub lives: Vec<Life>,
    /// Open reservations.
    pub claims: Vec<Claim>,
    /// Stock rows of the road, by item.
    pub transit: Vec<Row>,
    /// What is on its way, by transfer.
    pub road: BTreeMap<Id, BTreeMap<usize, i64>>,
    /// Places that it says it knows too little of to promise anything.
    pub recovering: Vec<usize>,
    /// Of the last version.
    pub epoch: i64,
    /// The last version.
    pub version: i64,
}

/// What one agent's disk says.
#[derive(Debug, Clone)]
pub struct View {
    /// For the report.
    pub name: String,
    /// Its store.
    pub place: usize,
    /// Its life.
    pub life: Id,
    /// Per item.
    pub totals: Vec<Totals>,
    /// Ids of unanswered facts.
    pub unanswered: Rc<BTreeSet<Id>>,
    /// Ids of all facts in its log.
    pub kept: Rc<BTreeSet<Id>>,
    /// The version of its copy.
    pub cursor: i64,
    /// And the epoch of that version.
    pub epoch: i64,
    /// What it shows, per item; empty when nobody looked.
    pub shown: Vec<Row>,
    /// The session that it thinks is open.
    pub session: Option<(i64, i64)>,
    /// It is switched on, or will be again.
    pub speaks: bool,
}
