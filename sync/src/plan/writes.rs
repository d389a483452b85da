//! The rows that a batch stores: the newest state of each row once, history in order.
//!
//! It knows no table's shape. Invariant: rows appear once, in the state after the whole batch.

use std::collections::{BTreeMap, BTreeSet};

use oneshelf_domain::item::{Item, ItemDetails};
use oneshelf_domain::record::Record;
use oneshelf_domain::stock::ItemNo;
use oneshelf_domain::stock::{
    Change, Decision, Incarnation, LocationNo, Reservation, SaleDocument, Share, State, Stock,
    StockKey, TimerChange, TimerKind, Version,
};
use oneshelf_domain::{
    Barcode, CommandId, DatedPrice, IncarnationId, ReservationId, Sku, Timestamp,
};

use super::{Head, Known, LedgerRow, Reply};

/// An answer to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRow {
    /// Of the command.
    pub id: CommandId,
    /// The rest.
    pub known: Known,
    /// When.
    pub recorded_at: Timestamp,
    /// Kept as long as its movements.
    pub fact: bool,
}

/// Kinds of notices begin so.
const NOTICE: &str = "notice.";

/// Something that changed beside movements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Of its command.
    pub version: Version,
    /// Position among the command's events.
    pub line: i64,
    /// `reservation.held`, `item.changed`, `notice.reservation_short` ...
    pub kind: String,
    /// Id or key of what it is about.
    pub subject: String,
    /// JSON.
    pub body: String,
}

impl EventRow {
    /// True for what a rule wants a person to look at.
    pub fn is_notice(&self) -> bool {
        self.kind.starts_with(NOTICE)
    }
}

/// A sale's commercial part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleRow {
    /// Of its command.
    pub version: Version,
    /// Where.
    pub location: LocationNo,
    /// The agent's claim.
    pub occurred_at: Timestamp,
    /// The document.
    pub document: Box<SaleDocument>,
    /// A code when somebody must look.
    pub attention: Option<String>,
}

/// A timer: due then, or none: cleared.
pub type TimerRow = ((TimerKind, String), Option<Timestamp>);

/// All that one transaction stores, and the replies that leave after its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writes {
    /// The counter row afterwards.
    pub head: Head,
    /// Answers to remember.
    pub commands: Vec<CommandRow>,
    /// One a version, with its movements.
    pub ledger: Vec<LedgerRow>,
    /// Stock rows.
    pub stock: BTreeMap<StockKey, Stock>,
    /// Reservations with all their lines.
    pub reservations: BTreeMap<ReservationId, Reservation>,
    /// Items by number.
    pub items: BTreeMap<ItemNo, Item>,
    /// Barcodes: their owner, or none.
    pub barcodes: BTreeMap<Barcode, Option<ItemNo>>,
    /// Records: their value, or none: gone.
    pub records: BTreeMap<String, (Version, Option<Record>)>,
    /// Incarnations.
    pub incarnations: BTreeMap<IncarnationId, Incarnation>,
    /// Shares, with the version of their change.
    pub shares: BTreeMap<(IncarnationId, StockKey), (Version, Share)>,
    /// Sales.
    pub sales: Vec<SaleRow>,
    /// Timers.
    pub timers: BTreeMap<(TimerKind, String), Option<Timestamp>>,
    /// Events.
    pub events: Vec<EventRow>,
    /// In the order of the batch.
    pub replies: Vec<Reply>,
    touched: BTreeSet<StockKey>,
}

impl Writes {
    pub(super) fn new(head: Head) -> Self {
        Self {
            head,
            commands: vec![],
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
            replies: vec![],
            touched: BTreeSet::new(),
        }
    }

    /// True when there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
            && self.ledger.is_empty()
            && self.incarnations.is_empty()
            && self.timers.is_empty()
    }

    /// True for a reservation that this batch made: the tables do not have it.
    pub fn made(&self, reservation: &Reservation) -> bool {
        self.ledger.first().is_some_and(|first| reservation.created >= first.version)
    }

    /// SKUs of the items that were written.
    pub fn skus(&self) -> impl Iterator<Item = (&Sku, ItemNo)> {
        self.items.values().map(|i| (&i.sku, i.no))
    }

    pub(super) fn record(&mut self, decision: &Decision, version: Version) {
        for m in &decision.movements {
            self.touched.insert(StockKey { item: m.item, location: m.from.location });
            self.touched.insert(StockKey { item: m.item, location: m.to.location });
        }
        let mut line = 0;
        for change in &decision.changes {
            if let Some((kind, subject, body)) = self.change(change, version) {
                self.events.push(EventRow { version, line, kind, subject, body });
                line += 1;
            }
        }
        for notice in &decision.notices {
            self.events.push(EventRow {
                version,
                line,
                kind: format!("{NOTICE}{}", notice.code),
                subject: notice.subject.clone(),
                body: json(&notice.text),
            });
            line += 1;
        }
        for timer in &decision.timers {
            match timer {
                TimerChange::Set { kind, subject, due_at } => {
                    self.timers.insert((*kind, subject.clone()), Some(*due_at));
                }
                TimerChange::Clear { kind, subject } => {
                    self.timers.insert((*kind, subject.clone()), None);
                }
            }
        }
    }

    /// Stores a change; gives its event: kind, subject, body.
    fn change(&mut self, change: &Change, version: Version) -> Option<(String, String, String)> {
        match change {
            Change::Item { item, dropped } => {
                for barcode in dropped {
                    self.barcodes.insert(barcode.clone(), None);
                }
                for barcode in &item.details.barcodes {
                    self.barcodes.insert(barcode.clone(), Some(item.no));
                }
                self.items.insert(item.no, (**item).clone());
                Some(("item.changed".to_owned(), item.sku.to_string(), told(item)))
            }
            Change::Record(record) => {
                let key = record.key();
                self.records.insert(key.clone(), (version, Some((**record).clone())));
                // Records hold hashes of secrets: history keeps that it changed, not to what.
                Some(("record.changed".to_owned(), key, "{}".to_owned()))
            }
            Change::RecordGone(key) => {
                self.records.insert(key.clone(), (version, None));
                Some(("record.gone".to_owned(), key.clone(), "{}".to_owned()))
            }
            Change::Reservation(r) => {
                self.touched.extend(r.lines.iter().map(|l| l.key()));
                let event =
                    (format!("reservation.{}", r.shown_state()), r.id.to_string(), "{}".to_owned());
                self.reservations.insert(r.id, (**r).clone());
                Some(event)
            }
            Change::Incarnation(i) => {
                self.incarnations.insert(i.id, (**i).clone());
                None
            }
            Change::Share(key, incarnation, share) => {
                self.shares.insert((*incarnation, *key), (version, *share));
                None
            }
            Change::Sale { location, occurred_at, document, attention } => {
                self.sales.push(SaleRow {
                    version,
                    location: *location,
                    occurred_at: *occurred_at,
                    document: document.clone(),
                    attention: attention.clone(),
                });
                None
            }
        }
    }

    /// Takes the stock rows that were touched, as they are after the batch.
    pub(super) fn settle(&mut self, state: &State) {
        for key in &self.touched {
            if let Ok(stock) = state.stock(*key) {
                self.stock.insert(*key, stock);
            }
        }
    }
}

/// What an item's event keeps: its details, and the prices to come where there are any.
fn told(item: &Item) -> String {
    #[derive(serde::Serialize)]
    struct Told<'a> {
        #[serde(flatten)]
        details: &'a ItemDetails,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        prices: &'a [DatedPrice],
    }
    json(&Told { details: &item.details, prices: &item.prices })
}

fn json<T: serde::Serialize>(value: &T) -> String {
    // Plain data: serde cannot fail on it.
    serde_json::to_string(value).unwrap_or_default()
}
