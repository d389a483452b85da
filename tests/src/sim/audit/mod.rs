//! The auditor: its own record of what happened on each shelf and of what was promised.
//!
//! Plain numbers only. It shares no code with domain or sync and trusts no figure of either: acts
//! are told to it by those who did them, books and views only to be compared.
//! Invariants are named as in shares.md section 5 (S1 to S9).

mod books;
mod check;
mod deadlines;
mod order;
mod record;
mod rest;
mod restored;
mod road;
mod turns;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

pub use books::{Books, Claim, Held, Life, Owned, Row, Totals, View};
pub use record::{Act, Line};
pub use restored::Mark;
pub use road::{Deed, Parcel, Unpacked};
pub use turns::Turn;
use way::Way;

/// An id, as a plain number.
pub type Id = u128;

/// What was promised to somebody outside.
#[derive(Debug, Clone, Hash)]
pub(super) struct Promise {
    /// (place, item, units).
    pub lines: Vec<(usize, usize, i64)>,
    /// The customer was told.
    pub told: bool,
    /// How it ended at the hub.
    pub ended: Option<&'static str>,
    /// The goods were given.
    pub handed: bool,
}

/// The record.
#[derive(Debug, Clone, Default)]
pub struct Auditor {
    /// Units that stand on a shelf: place, item.
    shelf: Vec<Vec<i64>>,
    /// Units taken from a shelf for somebody.
    aside: Vec<Vec<i64>>,
    /// Units that stand there and are not for sale.
    ruined: Vec<Vec<i64>>,
    /// What time does to claims.
    deadlines: deadlines::Deadlines,
    /// What orders lacked at the last look.
    turns: turns::Turns,
    /// What was asked for: (place, item) and units, all of it or none.
    wanted: BTreeMap<Id, BTreeMap<(usize, usize), i64>>,
    /// What of it somebody comes for.
    fetched: BTreeSet<Id>,
    /// Goods between the places.
    road: road::Road,
    /// Units ever sold beyond a share.
    beyond: Vec<Vec<i64>>,
    /// Units that came or went and no log knows of yet (a theft, a find).
    unseen: Vec<Vec<i64>>,
    /// A disk of the store was rolled back or copied.
    tainted: Vec<bool>,
    /// And its shelf was counted since.
    counted_tainted: Vec<bool>,
    /// A life of the store was ended from outside: its units may rest in doubt.
    retired: Vec<bool>,
    /// And its shelf was counted since: a count frees what silent lives may still hold.
    settled: Vec<bool>,
    /// Lives that the hub had ended at the last look.
    ended: BTreeSet<Id>,
    /// Of them those whose units a count freed since, and whether one was booked since the last
    /// look.
    freed: BTreeSet<Id>,
    counted: bool,
    /// Facts that the hub has not booked.
    open: Way,
    /// Looks until every one of them is looked up in its log again.
    unlooked: usize,
    /// Facts by the version that booked them.
    booked: BTreeMap<i64, (Id, Act)>,
    booked_ids: BTreeSet<Id>,
    /// What requests at the hub will do to a shelf: (place, item, shelf, aside).
    expected: BTreeMap<Id, Vec<(usize, usize, i64, i64)>>,
    promises: BTreeMap<Id, Promise>,
    /// Those that a customer was told of and that have not ended.
    standing: BTreeSet<Id>,
    /// Those whose goods were no longer there.
    broken: BTreeSet<Id>,
    /// Units that no channel may offer, by place and item.
    safety: BTreeMap<(usize, usize), i64>,
    /// Units that a channel may not offer, by item.
    buffers: BTreeMap<usize, i64>,
    /// Registers ask nobody: what S4 and S5 say is counted, not asserted.
    unprotected: bool,
    /// Units that booked facts took out of the books since the last look; a count: any number.
    left: BTreeMap<(usize, usize), i64>,
    /// Units that promises may lack, and books owe, by facts booked since the last look: a count:
    /// any number.
    excused: BTreeMap<(usize, usize), i64>,
    /// Units that they lacked and owed at the last look.
    lacking: BTreeMap<(usize, usize), i64>,
    /// What copies may hold, as last seen: (life, item).
    doubts: BTreeMap<(Id, usize), i64>,
    /// On hand less discrepancy at the hub, by version: (place, item).
    history: BTreeMap<(usize, usize), Vec<(i64, i64)>>,
    version: i64,
    /// By register: numbers given, with their totals.
    given: BTreeMap<String, BTreeMap<i64, i64>>,
    /// By register: sales at the hub.
    heard: BTreeMap<String, BTreeMap<i64, i64>>,
    /// Lives that were rolled back behind what the hub had seen: the hub must notice.
    must_fork: BTreeSet<Id>,
    /// Lives whose agents have dropped what a hub that was put back does not have: it must notice.
    dropped: BTreeMap<Id, usize>,
    /// Lives that were copied while no Hello of theirs waited for its answer.
    copied: BTreeSet<Id>,
    /// What the hub was put back, and what it forgot by that.
    restored: restored::Restored,
    /// The last fact of each life that the hub booked, and lives where one did not follow it.
    heads: BTreeMap<Id, Id>,
    mixed: BTreeSet<Id>,
    /// Granted totals at the hub, as last seen: (life, item).
    granted: BTreeMap<(Id, usize), i64>,
    /// The first thing that was wrong while recording.
    wrong: Option<String>,
}

impl Auditor {
    /// Nothing has happened yet.
    pub fn new(places: usize, items: usize) -> Self {
        let zeros = || vec![vec![0; items]; places];
        Self {
            shelf: zeros(),
            aside: zeros(),
            ruined: zeros(),
            beyond: zeros(),
            unseen: zeros(),
            tainted: vec![false; places],
            counted_tainted: vec![false; places],
            retired: vec![false; places],
            settled: vec![false; places],
            ..Self::default()
        }
    }

    /// The world without shares: registers sell whatever lies on the shelf, and what that does to
    /// promises is counted.
    pub fn without_shares(&mut self) {
        self.unprotected = true;
    }

    /// A fact that the hub does not have: never heard, or forgotten with a backup.
    pub fn waits_for(&self, fact: u128) -> bool {
        self.open.contains(fact)
    }

    /// Something happened that may break a promise whatever is done: a sale beyond a share, a
    /// theft, a disk that was put back or copied, the hub's among them (shares.md section 6:
    /// shorts may appear until agents were read again).
    pub fn may_break(&self) -> bool {
        let sold = self.beyond.iter().flatten().any(|n| *n > 0);
        sold || self.tainted.contains(&true) || self.restored.ever()
    }

    /// Customers who were told that units are theirs, and those of them whose units were sold.
    pub fn promises_kept(&self) -> (usize, usize) {
        (self.promises.values().filter(|p| p.told).count(), self.broken.len())
    }

    /// Units on a shelf: the physical truth that the people of the simulation see.
    pub fn on_shelf(&self, place: usize, item: usize) -> i64 {
        self.shelf[place][item]
    }

    /// All that later looks depend on, without what only says when something was.
    pub fn digest(&self, hasher: &mut impl Hasher) {
        (&self.shelf, &self.aside, &self.beyond, &self.unseen).hash(hasher);
        (&self.tainted, &self.counted_tainted, &self.retired).hash(hasher);
        (&self.settled, &self.ended, &self.freed).hash(hasher);
        (&self.open, &self.booked_ids, &self.promises, &self.left).hash(hasher);
        (&self.doubts, &self.must_fork, &self.copied, &self.given, &self.heard).hash(hasher);
        (&self.heads, &self.restored, &self.ruined, &self.road, &self.dropped).hash(hasher);
    }

    pub(super) fn complain(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }
}
