//! A hub in memory: one state, one clock, and the invariants of stock after every command.
//!
//! It reckons with reservations and shares as they are told in changes, by formulas of its own: it
//! must not ask the core whether the core is right.

use std::collections::{BTreeMap, BTreeSet};

use oneshelf_domain::refusal::Refusal;
use oneshelf_domain::stock::{
    At, Change, Command, Decision, Incarnation, ItemNo, Key, Lease, LocationNo, Outcome, Place,
    Reservation, ReservationState, Share, State, Stock, StockKey, Stop, TimerChange, Version,
    decide,
};
use oneshelf_domain::{
    CommandId, IncarnationId, LocationCode, ReservationId, Sku, Timestamp, limits,
};
use uuid::Uuid;

/// The same name gives the same id.
pub(crate) fn id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

pub(crate) type Rows = (
    BTreeMap<StockKey, Stock>,
    BTreeMap<ReservationId, Reservation>,
    BTreeMap<(StockKey, IncarnationId), Share>,
    BTreeMap<IncarnationId, Incarnation>,
);

#[derive(Clone)]
pub(crate) struct World {
    pub state: State,
    pub now_ms: i64,
    pub epoch: i64,
    version: i64,
    pub reservations: BTreeMap<ReservationId, Reservation>,
    pub shares: BTreeMap<(StockKey, IncarnationId), Share>,
    pub incarnations: BTreeMap<IncarnationId, Incarnation>,
    pub timers: BTreeMap<String, Timestamp>,
    pub history: Vec<(Decision, Version)>,
    /// How often the last step would have asked for rows, had none been at hand.
    pub rounds: usize,
}

impl World {
    /// W01, W02 (warehouses), S07, S02 (stores), X09 (retired); MUG, CUP, TEA, OLD (retired).
    pub fn new() -> Self {
        let mut world = Self {
            state: State::default(),
            now_ms: 0,
            epoch: 1,
            version: 0,
            reservations: BTreeMap::new(),
            shares: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            timers: BTreeMap::new(),
            history: vec![],
            rounds: 0,
        };
        for (code, kind, state) in [
            ("W01", "warehouse", "active"),
            ("W02", "warehouse", "active"),
            ("S07", "store", "active"),
            ("S02", "store", "active"),
            ("X09", "store", "retired"),
        ] {
            let json = serde_json::json!({"command": "put_record", "record": {
                "record": "location", "no": 0, "code": code, "name": code, "kind": kind,
                "zone": "Europe/Dublin", "state": state}});
            world.must(serde_json::from_value(json).unwrap());
        }
        for (sku, state) in
            [("MUG", "active"), ("CUP", "active"), ("TEA", "active"), ("OLD", "retired")]
        {
            let json = serde_json::json!({"command": "put_item", "sku": sku, "details": {
                "name": sku, "state": state}});
            world.must(serde_json::from_value(json).unwrap());
        }
        world
    }

    fn must(&mut self, command: Command) {
        let version = self.version;
        self.step(&format!("base {version}"), &command).unwrap();
    }

    /// The number of an item; one that nobody has when it is unknown.
    pub fn item(&self, sku: &str) -> ItemNo {
        match self.state.item(&Sku::new(sku).unwrap()) {
            Ok(Some(item)) => item.no,
            _ => ItemNo(999_999),
        }
    }

    pub fn location(&self, code: &str) -> LocationNo {
        let code = LocationCode::new(code).unwrap();
        self.state.records.location(&code).map_or(LocationNo(999_999), |l| l.no)
    }

    /// The last session of a store's live agent.
    pub fn session(&self, location: LocationNo) -> Lease {
        let mut here = self.incarnations.values().filter(|i| i.location == location && !i.retired);
        here.next().map_or_else(Lease::default, |i| i.lease)
    }

    pub fn key(&self, sku: &str, location: &str) -> StockKey {
        StockKey { item: self.item(sku), location: self.location(location) }
    }

    pub fn stock(&self, key: StockKey) -> Stock {
        self.state.stock(key).unwrap_or_default()
    }

    /// Decides and applies one command, then looks at everything.
    pub fn step(&mut self, name: &str, command: &Command) -> Result<Decision, Stop> {
        let version = Version(self.version + 1);
        let now = Timestamp(self.now_ms * 1_000);
        let at = At { now, version, command: CommandId(id(name)), epoch: self.epoch };
        let answer = loop {
            match decide(&self.state, command, &at) {
                Err(Stop::Missing(keys)) => self.load(keys),
                other => break other,
            }
        };
        let (cold, rounds) = self.cold(command, &at);
        assert_eq!(cold, answer, "what is decided does not depend on the rows at hand");
        assert!(rounds <= limits::LOAD_ROUNDS_MAX, "{name} asked {rounds} times");
        self.rounds = rounds;
        let decision = answer?;
        assert_eq!(decide(&self.state, command, &at), Ok(decision.clone()), "decide is pure");
        self.state.apply(&decision, version);
        if decision.versioned {
            self.version = version.0;
        } else {
            let quiet = decision.movements.is_empty() && decision.notices.is_empty();
            assert!(quiet, "what others can see has a version: {decision:?}");
        }
        self.remember(&decision);
        self.check();
        self.history.push((decision.clone(), version));
        Ok(decision)
    }

    /// Everything that was ever written is in the state: what is missing does not exist.
    fn load(&mut self, keys: Vec<Key>) {
        assert!(!keys.is_empty(), "a question names what it wants");
        for key in keys {
            assert!(!self.state.has(&key), "{key:?} was asked for twice");
            match key {
                Key::Stock(k) => self.state.put_stock(k, Stock::default()),
                Key::Reservation(id) => self.state.put_reservation(id, None),
                Key::Item(sku) => self.state.put_item(sku, None),
                Key::ItemNo(no) => self.state.put_no_item(no),
                Key::Barcode(barcode) => self.state.put_barcode(barcode, None),
                Key::Incarnation(id) => self.state.put_incarnation(id, None),
                list => self.state.loaded(list),
            }
        }
    }

    fn remember(&mut self, decision: &Decision) {
        for change in &decision.changes {
            match change {
                Change::Reservation(r) => {
                    let before = self.reservations.insert(r.id, (**r).clone());
                    let ended = before.is_some_and(|old| !open(old.state));
                    assert!(!ended, "{} ended twice", r.id);
                }
                Change::Share(key, incarnation, share) => {
                    self.shares.insert((*key, *incarnation), *share);
                }
                Change::Incarnation(i) => {
                    self.incarnations.insert(i.id, (**i).clone());
                }
                _ => {}
            }
        }
        for timer in &decision.timers {
            match timer {
                TimerChange::Set { subject, due_at, .. } => {
                    self.timers.insert(subject.clone(), *due_at);
                }
                TimerChange::Clear { subject, .. } => {
                    assert!(self.timers.remove(subject).is_some(), "no timer of {subject}");
                }
            }
        }
    }

    /// The invariants of DESIGN.md section 4 and reference/shares.md section 5 (S3).
    fn check(&self) {
        let mut by_item: BTreeMap<ItemNo, i64> = BTreeMap::new();
        for (key, row) in self.state.all_stock() {
            *by_item.entry(key.item).or_default() += row.balances.iter().sum::<i64>();
            self.check_row(key, &row);
        }
        assert!(by_item.values().all(|sum| *sum == 0), "units are conserved: {by_item:?}");
        let held: BTreeSet<String> = self
            .reservations
            .values()
            .filter(|r| r.state == ReservationState::Held && r.expires_at.is_some())
            .map(|r| r.id.to_string())
            .collect();
        assert_eq!(self.timers.keys().cloned().collect::<BTreeSet<_>>(), held, "timers");
    }

    fn check_row(&self, key: StockKey, row: &Stock) {
        let buckets = &row.balances[..Place::BUCKETS];
        assert!(buckets.iter().all(|n| *n >= 0), "a bucket is below zero: {row:?}");
        let (mut reserved, mut picked, mut short) = (0, 0, 0);
        for r in self.reservations.values().filter(|r| open(r.state)) {
            for l in r.lines.iter().filter(|l| (l.item, l.location) == (key.item, key.location)) {
                assert!((0..=l.quantity).contains(&l.short), "{l:?}");
                let waits =
                    !matches!(r.state, ReservationState::Releasing | ReservationState::InTransit);
                short += if waits { l.short } else { 0 };
                if r.state == ReservationState::Picked {
                    picked += l.quantity - l.short;
                } else {
                    reserved += l.quantity - l.short;
                }
            }
        }
        assert_eq!(row.at(Place::Reserved), reserved, "reserved is what lines hold");
        assert_eq!(row.at(Place::Picked), picked, "picked is what lines hold");
        assert_eq!(row.short, short, "short is what lines lack");
        let (mut owned, mut doubt) = (0, 0);
        for ((_, id), s) in self.shares.iter().filter(|((k, _), _)| *k == key) {
            let share = s.granted + s.brought - s.sold - s.returned;
            if self.incarnations[id].retired {
                assert!(s.doubt >= 0, "{s:?}");
            } else {
                assert!(share >= 0 && s.doubt == 0, "{s:?}");
                owned += share;
            }
            doubt += s.doubt;
        }
        assert_eq!(row.at(Place::StoreShare), owned, "store_share is what live agents own");
        assert_eq!(row.at(Place::InDoubt), doubt, "in_doubt is what silent agents may hold");
        let owed = -row.at(Place::Discrepancy);
        assert!(owed >= 0, "a discrepancy is owed, never had");
        let waiting = owed + short;
        assert!(row.available() == 0 || waiting == 0, "units rest while {waiting} wait: {row:?}");
    }

    /// All rows, for comparing two worlds.
    pub fn rows(&self) -> Rows {
        let stock = self.state.all_stock().filter(|(_, s)| *s != Stock::default()).collect();
        let mut incarnations = BTreeMap::new();
        for id in self.incarnations.keys() {
            incarnations.extend(self.state.incarnation(*id).unwrap().map(|i| (*id, i.clone())));
        }
        let mut reservations = BTreeMap::new();
        for id in self.reservations.keys() {
            reservations.extend(self.state.reservation(*id).unwrap().map(|r| (*id, r.clone())));
        }
        let share = |(key, id): &(StockKey, IncarnationId)| self.state.share(*key, *id).unwrap();
        let shares = self.shares.keys().map(|k| (*k, share(k))).collect();
        (stock, reservations, shares, incarnations)
    }

    /// The same decisions on an empty state.
    pub fn replayed(&self) -> Self {
        let mut fresh = Self { state: State::default(), ..self.clone() };
        for (decision, version) in &self.history {
            fresh.state.apply(decision, *version);
        }
        fresh
    }
}

pub(crate) fn open(state: ReservationState) -> bool {
    use ReservationState::{Committed, Held, InTransit, Picked, Releasing};
    matches!(state, Held | Committed | Picked | Releasing | InTransit)
}

/// The refusal, when a command was refused.
pub(crate) fn refusal(result: Result<Decision, Stop>) -> Option<Refusal> {
    match result {
        Err(Stop::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}

/// The outcome, when a command was accepted.
pub(crate) fn outcome(result: &Result<Decision, Stop>) -> Option<&Outcome> {
    result.as_ref().ok().map(|d| &d.outcome)
}
