//! What happens in the store: each act changes the share and joins the log as a fact.
//!
//! The agent alone states how units leave: from its share, or beyond it. The hub never derives
//! that from its own view, which counts grants that have not arrived here.

use std::collections::BTreeMap;
use std::ops::Bound;

use oneshelf_domain::stock::InSource;
use oneshelf_domain::{CommandId, LocationCode, ReservationId, Sku, TicketId, Timestamp};
use oneshelf_protocol::frame::{ArrivedUnits, Body, Sale, SaleSplit};

use super::{Agent, Fresh, Note, Step, Write};

/// A sale that was logged.
#[derive(Debug, PartialEq)]
pub struct Sold {
    /// How each item left, one entry an item.
    pub split: Vec<SaleSplit>,
    /// What to store and send.
    pub step: Step,
}

impl Agent {
    /// A ticket is paid. `units` are its lines, one entry an item.
    pub fn sell(
        &mut self,
        id: CommandId,
        ticket: TicketId,
        units: &[(Sku, i64)],
        sale: Sale,
        now: Timestamp,
    ) -> Sold {
        let mut split = vec![];
        let mut step = Step::default();
        for (sku, quantity) in units {
            let share = (*quantity).min(self.free_for(sku, ticket));
            let mut totals = self.totals(sku);
            totals.sold += share;
            step.then(self.set_totals(sku, totals));
            self.forget_need(sku, ticket);
            split.push(SaleSplit { sku: sku.clone(), share, beyond: quantity - share });
        }
        let body = Body::Sale { lines: split.clone(), sale: Box::new(sale) };
        step.then(self.log(id, body, now));
        Sold { split, step }
    }

    /// Goods came in: a return or a receipt.
    pub fn bring(
        &mut self,
        id: CommandId,
        sku: &Sku,
        quantity: i64,
        to_share: bool,
        source: InSource,
        now: Timestamp,
    ) -> Step {
        let mut step = Step::default();
        if to_share {
            let mut totals = self.totals(sku);
            totals.brought += quantity;
            step.then(self.set_totals(sku, totals));
        }
        let body = Body::In { sku: sku.clone(), quantity, to_share, source };
        step.then(self.log(id, body, now));
        step
    }

    /// The shelf was counted: `found` units stand there, those of open tickets among them. A ticket
    /// that lost its units by it asks for them, as at a scan.
    pub fn count(&mut self, id: CommandId, sku: &Sku, found: i64, now: Timestamp) -> Step {
        let mut totals = self.totals(sku);
        let from_share = (totals.share() - found).max(0);
        totals.sold += from_share;
        let mut step = self.set_totals(sku, totals);
        self.cut_holds(sku);
        let body = Body::Count { sku: sku.clone(), found, from_share };
        step.then(self.log(id, body, now));
        step.then(self.ask(sku));
        step
    }

    /// A reservation's goods were given to the shopper.
    pub fn hand_over(
        &mut self,
        id: CommandId,
        reservation: ReservationId,
        lines: Vec<(Sku, i64)>,
        now: Timestamp,
    ) -> Step {
        self.log(id, Body::Handover { reservation, lines }, now)
    }

    /// Sends units of the share to another location, by the store's own decision. None, and
    /// nothing happens, where the share without what tickets hold has fewer of an item.
    pub fn send(
        &mut self,
        id: CommandId,
        (to, via): (LocationCode, Option<LocationCode>),
        lines: Vec<(Sku, i64)>,
        now: Timestamp,
    ) -> Option<Step> {
        let mut units: BTreeMap<&Sku, i64> = BTreeMap::new();
        lines.iter().for_each(|(sku, quantity)| *units.entry(sku).or_default() += quantity);
        if units.iter().any(|(sku, quantity)| self.spare(sku) < *quantity) {
            return None;
        }
        let mut step = Step::default();
        for (sku, quantity) in units {
            let mut totals = self.totals(sku);
            totals.sold += quantity;
            step.then(self.set_totals(sku, totals));
        }
        step.then(self.log(id, Body::Sent { to, via, lines }, now));
        Some(step)
    }

    /// Units of the share that no ticket holds.
    pub fn spare(&self, sku: &Sku) -> i64 {
        let held: i64 = self.needs.get(sku).into_iter().flatten().map(|n| n.held).sum();
        (self.totals(sku).share() - held).max(0)
    }

    /// Goods of a transfer were unpacked; what is fit to be sold is the hub's to promise.
    pub fn arrive(
        &mut self,
        id: CommandId,
        transfer: ReservationId,
        lines: Vec<ArrivedUnits>,
        close: bool,
        now: Timestamp,
    ) -> Step {
        self.log(id, Body::Arrived { transfer, lines, close }, now)
    }

    /// Gives share above policy and tickets' needs back to the hub: whenever the share grew (a
    /// grant, or a total that a Welcome or a Ping repeated), a need fell, or the policy did.
    pub fn give_back(&mut self, sku: &Sku, now: Timestamp, fresh: Fresh<'_>) -> Step {
        let needed: i64 = self.needs.get(sku).into_iter().flatten().map(|n| n.wanted).sum();
        let policy = self.policy.get(sku).copied().unwrap_or(self.policy_default);
        let mut totals = self.totals(sku);
        let quantity = totals.share() - policy.saturating_add(needed);
        if quantity <= 0 {
            return Step::default();
        }
        totals.returned += quantity;
        let mut step = self.set_totals(sku, totals);
        let body = Body::Back { sku: sku.clone(), quantity };
        step.then(self.log(CommandId(fresh()), body, now));
        step
    }

    /// Gives every surplus back; after a restart, when tickets' needs were told again.
    pub fn give_all_back(&mut self, now: Timestamp, fresh: Fresh<'_>) -> Step {
        let skus: Vec<Sku> = self.totals.keys().cloned().collect();
        let mut step = Step::default();
        for sku in skus {
            step.then(self.give_back(&sku, now, fresh));
        }
        step
    }

    /// The same, some items at a time: looks at the totals after `after`, at most `items` of them.
    /// Answers where to go on; none at the end.
    pub fn give_some_back(
        &mut self,
        after: Option<&Sku>,
        items: usize,
        now: Timestamp,
        fresh: Fresh<'_>,
    ) -> (Step, Option<Sku>) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.totals.range::<Sku, _>((from, Bound::Unbounded));
        let skus: Vec<Sku> = range.take(items).map(|(sku, _)| sku.clone()).collect();
        let mut step = Step::default();
        for sku in &skus {
            step.then(self.give_back(sku, now, fresh));
        }
        (step, skus.into_iter().next_back().filter(|_| items > 0))
    }

    pub(super) fn set_totals(&mut self, sku: &Sku, totals: super::Totals) -> Step {
        debug_assert!(totals.share() >= 0, "the share of {sku} went below zero");
        self.totals.insert(sku.clone(), totals);
        Step {
            writes: vec![Write::Totals(sku.clone(), totals)],
            notes: vec![Note::Share(sku.clone())],
            ..Step::default()
        }
    }
}
