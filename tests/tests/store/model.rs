//! The tables as maps: the same planning, no database. What the engines must equal.

use std::collections::BTreeMap;

use oneshelf_domain::item::{Item, ItemState};
use oneshelf_domain::record::Record;
use oneshelf_domain::stock::{
    Incarnation, ItemNo, Key, Reservation, ReservationState, Share, State, Stock, StockKey,
    TimerKind, Version,
};
use oneshelf_domain::{Barcode, CommandId, IncarnationId, ReservationId, Timestamp};
use oneshelf_sync::plan::{
    CommandRow, EventRow, Head, LedgerRow, Plan, Reply, SaleRow, Submission, Writes,
};

use crate::tables::Tables;

pub(crate) struct Model {
    pub(crate) head: Head,
    commands: BTreeMap<CommandId, CommandRow>,
    ledger: Vec<LedgerRow>,
    stock: BTreeMap<StockKey, Stock>,
    pub(crate) reservations: BTreeMap<ReservationId, Reservation>,
    items: BTreeMap<ItemNo, Item>,
    barcodes: BTreeMap<Barcode, ItemNo>,
    pub(crate) records: BTreeMap<String, (Version, Option<Record>)>,
    pub(crate) incarnations: BTreeMap<IncarnationId, Incarnation>,
    shares: BTreeMap<(IncarnationId, StockKey), (Version, Share)>,
    sales: Vec<SaleRow>,
    timers: BTreeMap<(TimerKind, String), Timestamp>,
    events: Vec<EventRow>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            head: Head::first(1),
            commands: BTreeMap::new(),
            ledger: vec![],
            stock: BTreeMap::new(),
            reservations: BTreeMap::new(),
            items: BTreeMap::new(),
            barcodes: BTreeMap::new(),
            records: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            shares: BTreeMap::new(),
            sales: vec![],
            timers: BTreeMap::new(),
            events: vec![],
        }
    }

    pub(crate) fn batch(&mut self, wall: Timestamp, batch: &[Submission]) -> Vec<Reply> {
        let mut state = State::default();
        for (version, record) in self.records.values() {
            if let Some(record) = record {
                state.records.put(*version, record.clone());
            }
        }
        let known = |s: &Submission| Some((s.id, self.commands.get(&s.id)?.known.clone()));
        let known = batch.iter().filter_map(known).collect();
        let mut plan = Plan::new(self.head.clone(), wall, known);
        loop {
            let missing = plan.run(&mut state, batch).unwrap();
            if missing.is_empty() {
                break;
            }
            missing.iter().for_each(|key| self.load(&mut state, key));
        }
        self.absorb(plan.finish(&state))
    }

    fn load(&self, state: &mut State, key: &Key) {
        if state.has(key) {
            return;
        }
        match key {
            Key::Stock(k) => state.put_stock(*k, self.stock.get(k).copied().unwrap_or_default()),
            Key::Reservation(id) => {
                state.put_reservation(*id, self.reservations.get(id).cloned());
            }
            Key::OpenReservations(k) => self.load_claims(state, key, |r| {
                r.state.is_open() && r.lines.iter().any(|l| l.key() == *k)
            }),
            Key::HoldsOfShopper(s) => self.load_claims(state, key, |r| {
                r.state == ReservationState::Held && r.shopper.as_ref() == Some(s)
            }),
            Key::HoldsFromAddress(a) => self.load_claims(state, key, |r| {
                r.state == ReservationState::Held && r.address.as_ref() == Some(a)
            }),
            Key::Item(sku) => {
                let item = self.items.values().find(|i| i.sku == *sku).cloned();
                state.put_item(sku.clone(), item);
            }
            Key::ItemNo(no) => match self.items.get(no).cloned() {
                Some(item) => state.put_item(item.sku.clone(), Some(item)),
                None => state.put_no_item(*no),
            },
            Key::Barcode(code) => {
                state.put_barcode(code.clone(), self.barcodes.get(code).copied());
            }
            Key::Incarnation(id) => {
                state.put_incarnation(*id, self.incarnations.get(id).cloned());
            }
            Key::IncarnationsAt(location) => {
                for i in self.incarnations.values().filter(|i| i.location == *location) {
                    if !state.has(&Key::Incarnation(i.id)) {
                        state.put_incarnation(i.id, Some(i.clone()));
                    }
                }
                state.loaded(key.clone());
            }
            Key::SharesAt(k) => self.load_shares(state, key, |_, at| at == *k),
            Key::SharesOf(id) => self.load_shares(state, key, |of, _| of == *id),
        }
    }

    fn load_claims(&self, state: &mut State, key: &Key, wanted: impl Fn(&Reservation) -> bool) {
        for r in self.reservations.values().filter(|r| wanted(r)) {
            if !state.has(&Key::Reservation(r.id)) {
                state.put_reservation(r.id, Some(r.clone()));
            }
        }
        state.loaded(key.clone());
    }

    fn load_shares(
        &self,
        state: &mut State,
        key: &Key,
        wanted: impl Fn(IncarnationId, StockKey) -> bool,
    ) {
        for ((of, at), (_, share)) in &self.shares {
            if wanted(*of, *at) && state.share(*at, *of).is_err() {
                state.put_share(*at, *of, *share);
            }
        }
        state.loaded(key.clone());
    }

    fn absorb(&mut self, writes: Writes) -> Vec<Reply> {
        self.head = writes.head;
        self.commands.extend(writes.commands.into_iter().map(|c| (c.id, c)));
        self.ledger.extend(writes.ledger);
        self.stock.extend(writes.stock);
        self.reservations.extend(writes.reservations);
        self.items.extend(writes.items);
        for (code, owner) in writes.barcodes {
            match owner {
                Some(no) => self.barcodes.insert(code, no),
                None => self.barcodes.remove(&code),
            };
        }
        self.records.extend(writes.records);
        self.incarnations.extend(writes.incarnations);
        self.shares.extend(writes.shares);
        self.sales.extend(writes.sales);
        for (key, due) in writes.timers {
            match due {
                Some(at) => self.timers.insert(key, at),
                None => self.timers.remove(&key),
            };
        }
        self.events.extend(writes.events);
        writes.replies
    }

    /// The rows as [`crate::tables::dump`] gives them.
    pub(crate) fn dump(&self) -> Tables {
        let mut all = Tables::new();
        let h = &self.head;
        all.insert(
            "head",
            vec![cells([n(h.version.0), n(h.epoch), n(h.recorded_at.0), t(&h.hash)])],
        );
        all.insert("command", self.commands.values().map(command).collect());
        all.insert("ledger", self.ledger.iter().map(ledger).collect());
        all.insert("movement", self.ledger.iter().flat_map(movements).collect());
        all.insert("stock", self.stock.iter().map(stock).collect());
        all.insert("reservation", self.reservations.values().map(reservation).collect());
        all.insert("reservation_line", self.reservations.values().flat_map(lines).collect());
        all.insert("item", self.items.values().map(item).collect());
        let barcode = |(code, no): (&Barcode, &ItemNo)| cells([t(code), n(no.0)]);
        all.insert("barcode", self.barcodes.iter().map(barcode).collect());
        let record = |(key, (version, value)): (&String, &(Version, Option<Record>))| {
            cells([t(key), value.as_ref().map(json), n(version.0)])
        };
        all.insert("record", self.records.iter().map(record).collect());
        let incarnation = |i: &Incarnation| {
            let retired = n(i64::from(i.retired));
            cells([t(i.id), n(i.location.0), retired, n(i.created.0), Some(json(i))])
        };
        all.insert("incarnation", self.incarnations.values().map(incarnation).collect());
        all.insert("share", self.shares.iter().map(share).collect());
        all.insert("sale", self.sales.iter().map(sale).collect());
        let timer = |((kind, subject), at): (&(TimerKind, String), &Timestamp)| {
            cells([t(kind.name()), t(subject), n(at.0)])
        };
        all.insert("timer", self.timers.iter().map(timer).collect());
        let event = |e: &EventRow| {
            cells([n(e.version.0), n(e.line), t(&e.kind), t(&e.subject), t(&e.body)])
        };
        all.insert("event", self.events.iter().map(event).collect());
        all.values_mut().for_each(|rows: &mut Vec<String>| rows.sort());
        all
    }
}

fn cells<const N: usize>(cells: [Option<String>; N]) -> String {
    cells.map(|c| c.unwrap_or_else(|| "~".to_owned())).join("|")
}

#[expect(clippy::unnecessary_wraps, reason = "a cell may be null")]
fn n(number: i64) -> Option<String> {
    Some(number.to_string())
}

#[expect(clippy::unnecessary_wraps, reason = "a cell may be null")]
fn t(text: impl std::fmt::Display) -> Option<String> {
    Some(text.to_string())
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

fn command(c: &CommandRow) -> String {
    let k = &c.known;
    let version = k.version.map(|v| v.0.to_string());
    let print = if version.is_none() { t(&k.fingerprint) } else { None };
    let outcome = t(&k.outcome);
    let fact = n(i64::from(c.fact));
    cells([t(c.id), t(&k.principal), print, outcome, version, n(c.recorded_at.0), fact])
}

fn ledger(l: &LedgerRow) -> String {
    cells([
        n(l.version.0),
        t(l.command),
        t(&l.kind),
        t(&l.actor),
        l.on_behalf_of.clone(),
        l.reference.clone(),
        l.occurred_at.map(|at| at.0.to_string()),
        n(l.recorded_at.0),
        t(&l.fingerprint),
        n(l.movements.len() as i64),
        t(&l.hash),
    ])
}

fn movements(l: &LedgerRow) -> Vec<String> {
    let one = |(line, m): (i64, &oneshelf_domain::stock::Movement)| {
        cells([
            n(l.version.0),
            n(line),
            n(m.item.0),
            n(m.from.location.0),
            t(m.from.place.name()),
            n(m.to.location.0),
            t(m.to.place.name()),
            n(m.quantity),
            n(m.from_after),
            n(m.to_after),
            t(m.reason.name()),
            m.reservation.map(|id| id.to_string()),
        ])
    };
    (0..).zip(&l.movements).map(one).collect()
}

fn stock((key, s): (&StockKey, &Stock)) -> String {
    let mut numbers = vec![key.item.0, key.location.0];
    numbers.extend(s.balances);
    numbers.extend([s.short, s.version.0]);
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join("|")
}

fn reservation(r: &Reservation) -> String {
    cells([
        t(r.id),
        t(r.state.name()),
        r.expires_at.map(|at| at.0.to_string()),
        r.channel.clone(),
        r.shopper.clone(),
        r.address.clone(),
        r.reference.clone(),
        r.transfer.map(|t| t.from.0.to_string()),
        r.transfer.map(|t| t.to.0.to_string()),
        r.transfer.map(|t| t.via.0.to_string()),
        n(r.created.0),
        n(r.version.0),
    ])
}

fn lines(r: &Reservation) -> Vec<String> {
    let open = i64::from(r.state.is_open());
    let one = |(line, l): (i64, &oneshelf_domain::stock::ReservationLine)| {
        let (item, location) = (n(l.item.0), n(l.location.0));
        let (kit, kits) = (l.kit.map(|kit| kit.item.0), l.kit.map(|kit| kit.quantity));
        let [kit, kits] = [kit, kits].map(|value| value.and_then(n));
        let figures = (n(l.quantity), n(l.short), n(open));
        cells([t(r.id), n(line), item, location, figures.0, figures.1, figures.2, kit, kits])
    };
    (0..).zip(&r.lines).map(one).collect()
}

fn item(i: &Item) -> String {
    let state = if i.details.state == ItemState::Active { "active" } else { "retired" };
    let (details, prices) = (Some(json(&i.details)), Some(json(&i.prices)));
    cells([n(i.no.0), t(&i.sku), t(state), details, prices, n(i.version.0)])
}

fn share(((id, key), (version, s)): (&(IncarnationId, StockKey), &(Version, Share))) -> String {
    cells([
        t(id),
        n(key.item.0),
        n(key.location.0),
        n(s.granted),
        n(s.brought),
        n(s.sold),
        n(s.returned),
        n(s.doubt),
        n(s.written_off),
        n(version.0),
    ])
}

fn sale(s: &SaleRow) -> String {
    cells([
        n(s.version.0),
        t(s.document.id),
        n(s.location.0),
        t(&s.document.register),
        n(s.document.number),
        t(&s.document.receipt_number),
        n(s.occurred_at.0),
        n(s.document.total_minor),
        s.attention.clone(),
        Some(json(&s.document)),
    ])
}
