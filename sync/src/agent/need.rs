//! What open and parked tickets need of the share, and asking for more.
//!
//! Invariant: the units held by tickets never exceed the share, and a held unit is not given away.

use oneshelf_domain::{Sku, TicketId, Timestamp};
use oneshelf_protocol::frame::Up;

use super::{Agent, Fresh, Out, Step};

/// What one ticket needs of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Which ticket.
    pub ticket: TicketId,
    /// Units on it.
    pub wanted: i64,
    /// Units of the share that it holds.
    pub held: i64,
}

impl Agent {
    /// A ticket now has this many units of an item (0: none any more). Holds what share there is;
    /// the rest is asked for, or given back when the need fell.
    pub fn need(
        &mut self,
        sku: &Sku,
        ticket: TicketId,
        wanted: i64,
        now: Timestamp,
        fresh: Fresh<'_>,
    ) -> Step {
        let needs = self.needs.entry(sku.clone()).or_default();
        match needs.iter_mut().find(|n| n.ticket == ticket) {
            Some(need) => {
                need.wanted = wanted;
                need.held = need.held.min(wanted);
            }
            None => needs.push(Need { ticket, wanted, held: 0 }),
        }
        needs.retain(|n| n.wanted > 0);
        self.fill_holds(sku);
        let mut step = self.give_back(sku, now, fresh);
        step.then(self.ask(sku));
        step
    }

    /// After a restart: what an open ticket needs, as it was stored. Nothing is asked for or given
    /// back before all of them have spoken; then comes [`Agent::give_all_back`].
    pub fn need_again(&mut self, sku: &Sku, ticket: TicketId, wanted: i64) {
        if wanted > 0 {
            let needs = self.needs.entry(sku.clone()).or_default();
            needs.push(Need { ticket, wanted, held: 0 });
            self.fill_holds(sku);
        }
    }

    /// Units of a ticket's item that the share does not cover.
    pub fn beyond(&self, sku: &Sku, ticket: TicketId) -> i64 {
        let needs = self.needs.get(sku).into_iter().flatten();
        needs.filter(|n| n.ticket == ticket).map(|n| n.wanted - n.held).sum()
    }

    /// Asks the hub for what tickets lack: "let my granted total reach this".
    pub(super) fn ask(&mut self, sku: &Sku) -> Step {
        let missing: i64 =
            self.needs.get(sku).into_iter().flatten().map(|n| n.wanted - n.held).sum();
        let Some(session) = self.session.filter(|_| missing > 0) else { return Step::default() };
        let want = self.totals(sku).granted + missing;
        self.asked.insert(sku.clone(), want);
        let ask = Up::Ask { session, incarnation: self.life.incarnation, sku: sku.clone(), want };
        Step { send: vec![Out::Frame(ask)], ..Step::default() }
    }

    /// Asks again for all that tickets lack: a session began.
    pub(super) fn ask_all(&mut self) -> Step {
        let skus: Vec<Sku> = self.needs.keys().cloned().collect();
        let mut step = Step::default();
        for sku in &skus {
            step.then(self.ask(sku));
        }
        step
    }

    /// Free share goes to tickets that lack it, in the order of asking.
    pub(super) fn fill_holds(&mut self, sku: &Sku) {
        let share = self.totals(sku).share();
        let Some(needs) = self.needs.get_mut(sku) else { return };
        let mut free = share - needs.iter().map(|n| n.held).sum::<i64>();
        for need in needs.iter_mut() {
            let more = (need.wanted - need.held).min(free).max(0);
            need.held += more;
            free -= more;
        }
        if needs.is_empty() {
            self.needs.remove(sku);
        }
    }

    /// The share fell below what tickets hold: the latest ones lose it.
    pub(super) fn cut_holds(&mut self, sku: &Sku) {
        let mut share = self.totals(sku).share();
        for need in self.needs.get_mut(sku).into_iter().flatten() {
            need.held = need.held.min(share);
            share -= need.held;
        }
    }

    pub(super) fn forget_need(&mut self, sku: &Sku, ticket: TicketId) {
        if let Some(needs) = self.needs.get_mut(sku) {
            needs.retain(|n| n.ticket != ticket);
        }
        self.fill_holds(sku);
    }

    /// A new life owns nothing: every hold is gone, the needs stay.
    pub(super) fn drop_holds(&mut self) {
        self.needs.values_mut().flatten().for_each(|n| n.held = 0);
    }
}
