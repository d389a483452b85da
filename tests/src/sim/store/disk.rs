//! An agent's disk: its journal and the registers' own rows, maps that survive a restart.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use oneshelf_domain::record::{Record, Records};
use oneshelf_domain::stock::{ItemNo, ReservationState, Version};
use oneshelf_domain::{CommandId, ReservationId, Sku, TicketId, Timestamp};
use oneshelf_protocol::frame::{Applied, Body, Cursor, Fact};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::agent::forecast::forecast;
use oneshelf_sync::agent::{Entry, KEEP_ALL, Life, Saved, Totals, Write};

use super::log::{Log, Logged};
use crate::sim::bug::Bug;
use oneshelf_domain::stock::Stock;

/// A ticket that is not paid.
#[derive(Debug, Clone, Default)]
pub(crate) struct Open {
    /// Units per item.
    pub lines: BTreeMap<Sku, i64>,
    /// Sets among them.
    pub kits: i64,
}

/// Everything stored.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    pub life: Life,
    pub totals: BTreeMap<Sku, Totals>,
    /// All facts with the hub's word.
    pub log: Log,
    /// When the hub's word came.
    answered: BTreeMap<CommandId, Timestamp>,
    /// No word that is still of use came before this.
    oldest: Option<Timestamp>,
    pub cursor: Cursor,
    pub applied: Applied,
    pub stock: BTreeMap<Sku, Row>,
    pub reservations: BTreeMap<ReservationId, Row>,
    /// Those of them that have not ended.
    open: BTreeSet<ReservationId>,
    pub records: BTreeMap<String, Record>,
    pub items: BTreeMap<ItemNo, Sku>,
    /// Next receipt number per register.
    pub numbers: BTreeMap<usize, i64>,
    /// Open ticket per register.
    pub tickets: BTreeMap<usize, (TicketId, Open)>,
    /// Reservations whose goods were given.
    pub handed: BTreeSet<ReservationId>,
    /// What was shown of items whose rows and facts have not changed since.
    shown: RefCell<BTreeMap<Sku, Stock>>,
}

impl Disk {
    pub fn new(life: Life) -> Self {
        Self {
            life,
            totals: BTreeMap::new(),
            log: Log::default(),
            answered: BTreeMap::new(),
            oldest: None,
            cursor: Cursor::default(),
            applied: Applied::default(),
            stock: BTreeMap::new(),
            reservations: BTreeMap::new(),
            open: BTreeSet::new(),
            records: BTreeMap::new(),
            items: BTreeMap::new(),
            numbers: BTreeMap::new(),
            tickets: BTreeMap::new(),
            handed: BTreeSet::new(),
            shown: RefCell::default(),
        }
    }

    /// What the machine starts from.
    pub fn saved(&self) -> Saved {
        let (policy_default, policy) = self.policy();
        Saved {
            life: self.life.clone(),
            totals: self.totals.clone(),
            unanswered: self.unanswered(),
            cursor: self.cursor,
            applied: self.applied,
            policy_default,
            policy,
        }
    }

    /// Facts without an answer, oldest first.
    pub fn unanswered(&self) -> Vec<Entry> {
        let open = self.log.all().iter().filter(|(_, answer)| answer.is_none());
        let entry =
            |(f, _): &Logged| Entry { incarnation: f.incarnation, seq: f.seq, id: f.command_id };
        open.map(entry).collect()
    }

    /// Share to keep, as the records say: for all items, and per item.
    pub fn policy(&self) -> (i64, BTreeMap<Sku, i64>) {
        let mut records = Records::default();
        for record in self.records.values() {
            records.put(Version(0), record.clone());
        }
        let kept = records.kept_shares();
        let named = kept.items.into_iter().filter_map(|(no, units)| {
            Some((self.items.get(&no)?.clone(), units.unwrap_or(KEEP_ALL)))
        });
        (kept.others.unwrap_or(KEEP_ALL), named.collect())
    }

    /// Stores one transaction's rows.
    pub fn store(&mut self, writes: Vec<Write>, now: Timestamp, bug: Option<Bug>) {
        for write in writes {
            self.shown_anew(&write);
            match write {
                Write::Life(life) => self.life = life,
                Write::Totals(sku, totals) => {
                    self.totals.insert(sku, totals);
                }
                Write::TotalsCleared => self.totals.clear(),
                Write::Log(fact) => self.log.push(*fact),
                Write::Answered(id, answer) => {
                    if bug == Some(Bug::AcknowledgedDeleted) {
                        self.log.retain(|(f, _)| f.command_id != id);
                        self.looked_at_anew();
                    } else {
                        self.log.answer(id, answer);
                        self.answered.insert(id, now);
                        self.oldest = Some(self.oldest.map_or(now, |oldest| oldest.min(now)));
                    }
                }
                Write::AllUnanswered => self.log.all_unanswered(),
                Write::Rows { whole, rows, cursor, applied } => {
                    if whole {
                        self.stock.clear();
                        self.reservations.clear();
                        self.open.clear();
                        self.records.clear();
                    }
                    rows.into_iter().for_each(|row| self.row(row));
                    self.cursor = cursor;
                    if bug != Some(Bug::AppliedForgotten) {
                        self.applied = applied;
                    }
                }
            }
        }
    }

    /// Forgets what was shown of items that a write is about.
    fn shown_anew(&mut self, write: &Write) {
        let shown = self.shown.get_mut();
        match write {
            Write::Log(fact) => shown.retain(|sku, _| !about(fact, sku)),
            Write::Rows { whole: false, rows, applied, .. } if *applied == self.applied => {
                shown.retain(|sku, _| !rows.iter().any(|row| names(row, sku)));
            }
            Write::Rows { .. } | Write::Life(_) => shown.clear(),
            Write::Totals(..)
            | Write::TotalsCleared
            | Write::Answered(..)
            | Write::AllUnanswered => {}
        }
    }

    /// What was shown is no longer worth anything.
    pub fn looked_at_anew(&mut self) {
        self.shown.get_mut().clear();
    }

    fn row(&mut self, row: Row) {
        match row {
            Row::Item { item } => {
                self.items.insert(item.no, item.sku.clone());
            }
            Row::Record { key, record: Some(record) } => {
                self.records.insert(key, *record);
            }
            Row::Record { key, record: None } => {
                self.records.remove(&key);
            }
            Row::Stock { ref sku, .. } => {
                self.stock.insert(sku.clone(), row);
            }
            Row::Reservation { id, ref state, .. } => {
                let ended = ReservationState::from_name(state).is_some_and(|s| !s.is_open());
                match ended {
                    true => self.open.remove(&id),
                    false => self.open.insert(id),
                };
                self.reservations.insert(id, row);
            }
            Row::Elsewhere { .. } | Row::Transfer { .. } => {}
        }
    }

    /// Facts that the copy does not include, oldest first. A life that this log has no fact of
    /// lost them with a disk; it came after all lives here but the present one.
    pub fn beyond_copy(&self) -> &[Logged] {
        let log = self.log.all();
        let Some(incarnation) = self.applied.incarnation else { return log };
        let included = |(f, _): &Logged| f.incarnation == incarnation && f.seq <= self.applied.seq;
        let before = |(f, _): &Logged| {
            incarnation != self.life.incarnation && f.incarnation != self.life.incarnation
        };
        let last = log.iter().rposition(included);
        let from = last.or_else(|| log.iter().rposition(before)).map_or(0, |at| at + 1);
        &log[from..]
    }

    /// Reservations that have not ended, in the order of their ids.
    pub fn open(&self) -> impl Iterator<Item = (&ReservationId, &Row)> {
        self.open.iter().filter_map(|id| self.reservations.get_key_value(id))
    }

    /// What the store shows of an item.
    pub fn shown(&self, sku: &Sku) -> Stock {
        if let Some(known) = self.shown.borrow().get(sku) {
            return *known;
        }
        let stock = self.forecast(sku);
        self.shown.borrow_mut().insert(sku.clone(), stock);
        stock
    }

    fn forecast(&self, sku: &Sku) -> Stock {
        let mut rows: Vec<Row> = self.stock.get(sku).cloned().into_iter().collect();
        let facts = self.beyond_copy().iter().map(|(f, _)| f).filter(|f| about(f, sku));
        let facts: Vec<Fact> = facts.map(|f| Fact::clone(f)).collect();
        // Of those that have ended, the ones that a fact names.
        let handed = facts.iter().filter_map(|f| match &f.body {
            Body::Handover { reservation, .. } | Body::Released { reservation, .. } => {
                self.reservations.get_key_value(reservation)
            }
            _ => None,
        });
        let named: BTreeMap<_, _> = self.open().chain(handed).collect();
        rows.extend(named.into_values().filter(|row| names(row, sku)).cloned());
        forecast(sku, &rows, &facts)
    }

    /// Deletes facts that the copy includes and that were answered so long ago that no backup of
    /// a hub misses them. Returns them: id and life.
    pub fn forget_old(&mut self, now: Timestamp, keep_ms: i64) -> Vec<(u128, u128)> {
        if self.oldest.is_none_or(|oldest| now.ms_since(oldest) <= keep_ms) {
            return vec![];
        }
        // The last one that is included says where the copy ends.
        let included = (self.log.all().len() - self.beyond_copy().len()).saturating_sub(1);
        let mut at = 0;
        let answered = &self.answered;
        let (mut gone, mut oldest) = (vec![], None::<Timestamp>);
        self.log.retain(|(f, answer)| {
            at += 1;
            let word = answered.get(&f.command_id).copied();
            let long_ago = word.is_some_and(|t| now.ms_since(t) > keep_ms);
            let kept = answer.is_none() || !long_ago || at > included;
            if !kept {
                gone.push((f.command_id, f.incarnation));
            } else if let Some(t) = word {
                oldest = Some(oldest.map_or(t, |oldest| oldest.min(t)));
            }
            kept
        });
        gone.iter().for_each(|(id, _)| _ = self.answered.remove(id));
        self.looked_at_anew();
        self.oldest = oldest;
        gone.into_iter().map(|(id, life)| (id.0.as_u128(), life.0.as_u128())).collect()
    }

    /// The bytes that were stored.
    pub fn fact(&self, id: CommandId) -> Option<&Fact> {
        self.log.get(id)
    }
}

fn names(row: &Row, sku: &Sku) -> bool {
    match row {
        Row::Reservation { lines, .. } => lines.iter().any(|(of, _, _)| of == sku),
        Row::Stock { sku: of, .. } => of == sku,
        _ => false,
    }
}

fn about(fact: &Fact, sku: &Sku) -> bool {
    match &fact.body {
        Body::Sale { lines, .. } => lines.iter().any(|l| l.sku == *sku),
        Body::In { sku: of, .. } | Body::Back { sku: of, .. } | Body::Count { sku: of, .. } => {
            of == sku
        }
        Body::Handover { lines, .. } | Body::Released { lines, .. } => {
            lines.iter().any(|(of, _)| of == sku)
        }
        Body::Sent { lines, .. } => lines.iter().any(|(of, _)| of == sku),
        Body::Arrived { lines, .. } => lines.iter().any(|l| l.sku == *sku),
        Body::Close { .. } => true,
    }
}
