//! The hub's database: maps that survive a restart. Rows change at a commit only.

use std::collections::{BTreeMap, BTreeSet};

use oneshelf_domain::item::Item;
use oneshelf_domain::record::{Record, Records, WalkIn};
use oneshelf_domain::stock::{
    Incarnation, ItemNo, Key, LocationNo, Reservation, ReservationState, Share, State, Stock,
    StockKey, TimerKind, Version,
};
use oneshelf_domain::{CommandId, IncarnationId, ReservationId, Sku, Timestamp};
use oneshelf_protocol::frame::Applied;
use oneshelf_protocol::replica::Row;
use oneshelf_sync::plan::{Head, Known, Writes};
use uuid::Uuid;

/// All tables.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub head: Head,
    /// Batches that were stored, those without a version among them.
    pub batch: i64,
    pub commands: BTreeMap<CommandId, Known>,
    pub stock: BTreeMap<StockKey, Stock>,
    pub reservations: BTreeMap<ReservationId, Reservation>,
    pub items: BTreeMap<ItemNo, Item>,
    pub records: BTreeMap<String, (Version, Option<Record>)>,
    pub incarnations: BTreeMap<IncarnationId, Incarnation>,
    pub shares: BTreeMap<(IncarnationId, StockKey), Share>,
    pub timers: BTreeMap<(TimerKind, String), Timestamp>,
    /// The records as deciding has them.
    at_hand: Records,
    /// Reservations that are open.
    open: BTreeSet<ReservationId>,
    /// Reservations by the version of their last change.
    by_version: BTreeSet<(i64, ReservationId)>,
}

impl Database {
    pub fn new() -> Self {
        Self {
            head: Head::first(1),
            batch: 0,
            commands: BTreeMap::new(),
            stock: BTreeMap::new(),
            reservations: BTreeMap::new(),
            items: BTreeMap::new(),
            records: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            shares: BTreeMap::new(),
            timers: BTreeMap::new(),
            at_hand: Records::default(),
            open: BTreeSet::new(),
            by_version: BTreeSet::new(),
        }
    }

    /// A state that has the records and nothing else.
    pub fn fresh_state(&self) -> State {
        let mut state = State::default();
        state.records = self.at_hand.clone();
        state
    }

    /// The records as deciding has them.
    pub fn records(&self) -> &Records {
        &self.at_hand
    }

    /// Reservations that are open, in the order of their ids.
    pub fn open(&self) -> impl Iterator<Item = &Reservation> {
        self.open.iter().filter_map(|id| self.reservations.get(id))
    }

    /// The transaction's rows, all at once.
    pub fn store(&mut self, writes: &Writes) {
        self.head = writes.head.clone();
        self.batch += 1;
        for row in &writes.commands {
            self.commands.insert(row.id, row.known.clone());
        }
        self.stock.extend(writes.stock.iter().map(|(k, s)| (*k, *s)));
        writes.reservations.values().for_each(|r| self.store_reservation(r));
        self.items.extend(writes.items.iter().map(|(k, i)| (*k, i.clone())));
        for (key, (version, record)) in &writes.records {
            match record {
                Some(record) => self.at_hand.put(*version, record.clone()),
                None => self.at_hand.remove(key),
            }
            self.records.insert(key.clone(), (*version, record.clone()));
        }
        self.incarnations.extend(writes.incarnations.iter().map(|(k, i)| (*k, i.clone())));
        self.shares.extend(writes.shares.iter().map(|(k, (_, s))| (*k, *s)));
        for (key, due) in &writes.timers {
            match due {
                Some(due) => self.timers.insert(key.clone(), *due),
                None => self.timers.remove(key),
            };
        }
    }

    fn store_reservation(&mut self, r: &Reservation) {
        match r.state.is_open() {
            true => self.open.insert(r.id),
            false => self.open.remove(&r.id),
        };
        if let Some(old) = self.reservations.insert(r.id, r.clone()) {
            self.by_version.remove(&(old.version.0, r.id));
        }
        self.by_version.insert((r.version.0, r.id));
    }

    /// Loads what deciding asked for. Rows that are at hand are newer and stay.
    pub fn load(&self, state: &mut State, keys: &[Key]) {
        for key in keys {
            match key {
                Key::Stock(k) => {
                    state.put_stock(*k, self.stock.get(k).copied().unwrap_or_default());
                }
                Key::Reservation(id) => {
                    state.put_reservation(*id, self.reservations.get(id).cloned());
                }
                Key::OpenReservations(k) => {
                    let here = |r: &&Reservation| r.lines.iter().any(|l| l.key() == *k);
                    self.reservations_of(state, here);
                    state.loaded(key.clone());
                }
                Key::HoldsOfShopper(who) => {
                    self.holds_of(state, |r| r.shopper.as_ref() == Some(who));
                    state.loaded(key.clone());
                }
                Key::HoldsFromAddress(who) => {
                    self.holds_of(state, |r| r.address.as_ref() == Some(who));
                    state.loaded(key.clone());
                }
                Key::Item(sku) => {
                    let item = self.items.values().find(|i| i.sku == *sku).cloned();
                    state.put_item(sku.clone(), item);
                }
                Key::ItemNo(no) => match self.items.get(no) {
                    Some(item) => state.put_item(item.sku.clone(), Some(item.clone())),
                    None => state.put_no_item(*no),
                },
                Key::Barcode(code) => {
                    let has = |i: &&Item| i.details.barcodes.contains(code);
                    let owner = self.items.values().find(has).map(|i| i.no);
                    state.put_barcode(code.clone(), owner);
                }
                other => self.load_agents(state, other),
            }
        }
    }

    fn load_agents(&self, state: &mut State, key: &Key) {
        match key {
            Key::Incarnation(id) => {
                state.put_incarnation(*id, self.incarnations.get(id).cloned());
            }
            Key::IncarnationsAt(location) => {
                for (id, i) in &self.incarnations {
                    if i.location == *location && !state.has(&Key::Incarnation(*id)) {
                        state.put_incarnation(*id, Some(i.clone()));
                    }
                }
                state.loaded(key.clone());
            }
            Key::SharesAt(k) => self.load_shares(state, key, |_, at| at == *k),
            Key::SharesOf(id) => self.load_shares(state, key, |of, _| of == *id),
            _ => {}
        }
    }

    fn load_shares(
        &self,
        state: &mut State,
        key: &Key,
        wanted: impl Fn(IncarnationId, StockKey) -> bool,
    ) {
        for ((id, at), share) in &self.shares {
            if wanted(*id, *at) && state.share(*at, *id).is_err() {
                state.put_share(*at, *id, *share);
            }
        }
        state.loaded(key.clone());
    }

    fn holds_of(&self, state: &mut State, mine: impl Fn(&Reservation) -> bool) {
        self.reservations_of(state, |r| r.state == ReservationState::Held && mine(r));
    }

    /// Open ones alone.
    fn reservations_of(&self, state: &mut State, wanted: impl Fn(&&Reservation) -> bool) {
        for r in self.open().filter(wanted) {
            if !state.has(&Key::Reservation(r.id)) {
                state.put_reservation(r.id, Some(r.clone()));
            }
        }
    }

    /// Every row that concerns a store and changed after a version (docs/decisions/0002).
    pub fn changed(&self, location: LocationNo, after: i64) -> Vec<Row> {
        let mut rows = vec![];
        for item in self.items.values().filter(|i| i.version.0 > after) {
            rows.push(Row::Item { item: Box::new(item.clone()) });
        }
        let (policies, demand) = (format!("share/{}/", location.0), WalkIn::key(location));
        for (key, (version, record)) in &self.records {
            if version.0 > after && (key.starts_with(&policies) || *key == demand) {
                let record = record.clone().map(Box::new);
                rows.push(Row::Record { key: key.clone(), record });
            }
        }
        rows.extend(self.shelf(location, after));
        let newer = (after + 1, ReservationId(Uuid::nil()))..;
        let newer: BTreeSet<ReservationId> =
            self.by_version.range(newer).map(|(_, r)| *r).collect();
        let newer = newer.iter().filter_map(|id| self.reservations.get(id));
        rows.extend(newer.filter_map(|r| self.claim_row(r, location)));
        rows
    }

    /// A reservation at the store, or goods that are sent to it.
    fn claim_row(&self, r: &Reservation, location: LocationNo) -> Option<Row> {
        let (id, state) = (r.id, r.state.name().to_owned());
        let code = |no| self.at_hand.location_by_no(no).map(|l| l.code.to_string());
        if let Some(road) = r.transfer.filter(|road| road.to == location) {
            let left = r.lines.iter().filter(|l| l.held() > 0);
            let lines = left.map(|l| (self.sku(l.item), l.held())).collect();
            let from = code(road.from).unwrap_or_default();
            return Some(Row::Transfer { id, from, state, lines });
        }
        let here = r.lines.iter().filter(|l| l.location == location);
        let lines: Vec<_> = here.map(|l| (self.sku(l.item), l.quantity, l.short)).collect();
        let leaves = r.transfer.is_some_and(|road| road.from == location);
        let to = r.transfer.and_then(|road| code(road.to));
        let expires_at = r.expires_at;
        let concerns = leaves || !lines.is_empty();
        concerns.then_some(Row::Reservation { id, state, lines, expires_at, to })
    }

    /// Those of them that say what lies there.
    pub fn shelf(&self, location: LocationNo, after: i64) -> Vec<Row> {
        let here = self.stock.iter().filter(|(k, s)| k.location == location && s.version.0 > after);
        here.map(|(key, stock)| {
            let (balances, short) = (stock.balances, stock.short);
            Row::Stock { sku: self.sku(key.item), balances, short }
        })
        .collect()
    }

    /// The last fact of an agent that the rows include: of this life, or of the nearest one that
    /// it follows. A life between may be unknown here (it never spoke): then the agent's newest.
    pub fn applied(&self, location: LocationNo, life: Option<IncarnationId>) -> Applied {
        let mut at = life;
        while let Some(i) = at.and_then(|id| self.incarnations.get(&id)) {
            if i.last > 0 {
                return Applied { incarnation: Some(i.id), seq: i.last };
            }
            at = i.follows;
        }
        if at.is_none() {
            return Applied::default();
        }
        let agent = life.and_then(|id| self.incarnations.get(&id)?.agent);
        // One that never said Hello has no agent.
        let of_agent = |i: &&Incarnation| i.agent == agent || i.agent.is_none();
        let here = self.incarnations.values().filter(|i| i.last > 0 && i.location == location);
        let mine: Vec<&Incarnation> = here.filter(of_agent).collect();
        // One may have been seen first long after those that follow it.
        let followed = |i: &Incarnation| mine.iter().any(|other| self.follows(other, i.id));
        mine.iter()
            .filter(|i| !followed(i))
            .max_by_key(|i| (i.created, i.id))
            .map_or_else(Applied::default, |i| Applied { incarnation: Some(i.id), seq: i.last })
    }

    fn follows(&self, life: &Incarnation, earlier: IncarnationId) -> bool {
        let mut at = life.follows;
        while let Some(id) = at.filter(|id| *id != earlier) {
            at = self.incarnations.get(&id).and_then(|i| i.follows);
        }
        at.is_some()
    }

    pub fn sku(&self, item: ItemNo) -> Sku {
        self.items.get(&item).map_or_else(|| unreachable!("items stay"), |i| i.sku.clone())
    }

    pub fn numbers(&self) -> BTreeMap<Sku, ItemNo> {
        self.items.values().map(|i| (i.sku.clone(), i.no)).collect()
    }

    pub fn names(&self) -> BTreeMap<ItemNo, Sku> {
        self.items.values().map(|i| (i.no, i.sku.clone())).collect()
    }
}
